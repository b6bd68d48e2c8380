import { applyMode, Mode } from "@cloudscape-design/global-styles";
import { useEffect, useState } from "react";

// Light or dark: as the system says, unless the user chose otherwise, which this
// browser remembers.

export type Appearance = "system" | "light" | "dark";

const key = "daypass.appearance";
const systemDark = window.matchMedia("(prefers-color-scheme: dark)");

function remembered(): Appearance {
  const value = localStorage.getItem(key);
  return value === "light" || value === "dark" ? value : "system";
}

function isDark(appearance: Appearance): boolean {
  return appearance === "dark" || (appearance === "system" && systemDark.matches);
}

export function useAppearance(): { appearance: Appearance; dark: boolean; choose: (a: Appearance) => void } {
  const [appearance, setAppearance] = useState(remembered);
  const [dark, setDark] = useState(isDark(appearance));

  useEffect(() => {
    const apply = () => {
      const now = isDark(appearance);
      setDark(now);
      applyMode(now ? Mode.Dark : Mode.Light);
    };
    apply();
    systemDark.addEventListener("change", apply);
    return () => systemDark.removeEventListener("change", apply);
  }, [appearance]);

  return {
    appearance,
    dark,
    choose: (a) => {
      if (a === "system") localStorage.removeItem(key);
      else localStorage.setItem(key, a);
      setAppearance(a);
    },
  };
}

// useDark follows the mode that is applied to the page.
export function useDark(): boolean {
  const [dark, setDark] = useState(document.body.classList.contains("awsui-dark-mode"));
  useEffect(() => {
    const observer = new MutationObserver(() => setDark(document.body.classList.contains("awsui-dark-mode")));
    observer.observe(document.body, { attributes: true, attributeFilter: ["class"] });
    return () => observer.disconnect();
  }, []);
  return dark;
}
