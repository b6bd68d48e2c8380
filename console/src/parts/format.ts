const dateTime = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });

export function when(date: Date | undefined): string {
  return date && !Number.isNaN(date.getTime()) ? dateTime.format(date) : "–";
}

const units: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

// ago says how long ago a time was, in one unit.
export function ago(date: Date | undefined, now = Date.now()): string {
  if (!date || Number.isNaN(date.getTime())) return "Never";
  const seconds = (date.getTime() - now) / 1000;
  for (const [unit, length] of units) {
    if (Math.abs(seconds) >= length) return relative.format(Math.round(seconds / length), unit);
  }
  return "just now";
}

export function bytes(n: number): string {
  const names = ["B", "KB", "MB", "GB", "TB"];
  let i = 0;
  while (n >= 1000 && i < names.length - 1) {
    n /= 1000;
    i++;
  }
  return `${n < 10 && i > 0 ? n.toFixed(1) : Math.round(n)} ${names[i]}`;
}

export function plural(n: number, one: string, many = one + "s"): string {
  return `${n} ${n === 1 ? one : many}`;
}

// pretty lays out a JSON document; what is no JSON stays as it is.
export function pretty(document: string): string {
  try {
    return JSON.stringify(JSON.parse(document), null, 2);
  } catch {
    return document;
  }
}
