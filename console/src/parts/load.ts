import { useCallback, useEffect, useRef, useState } from "react";
import { asFault, isAborted, type Fault } from "../api/fault";

export interface Loaded<T> {
  value: T | undefined;
  fault: Fault | undefined;
  loading: boolean;
  reload: () => void;
}

// useLoad reads something when the screen opens, when what it depends on changes,
// and on reload; an answer that comes after that is dropped. A loader may show
// part of the answer before all of it is there.
export function useLoad<T>(
  loader: (signal: AbortSignal, show: (part: NoInfer<T>) => void) => Promise<T>,
  dependencies: unknown[],
): Loaded<T> {
  const [state, setState] = useState<{ value?: T; fault?: Fault; loading: boolean }>({ loading: true });
  const [turn, setTurn] = useState(0);
  const latest = useRef(loader);
  latest.current = loader;

  useEffect(() => {
    const stop = new AbortController();
    const show = (value: T) => !stop.signal.aborted && setState({ value, loading: true });
    setState((s) => (turn > 0 && s.value !== undefined ? { value: s.value, loading: true } : { loading: true }));
    latest.current(stop.signal, show).then(
      (value) => !stop.signal.aborted && setState({ value, loading: false }),
      (thrown: unknown) => !stop.signal.aborted && !isAborted(thrown) && setState({ fault: asFault(thrown), loading: false }),
    );
    return () => stop.abort();
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the caller names them
  }, [...dependencies, turn]);

  const reload = useCallback(() => setTurn((t) => t + 1), []);
  return { value: state.value, fault: state.fault, loading: state.loading, reload };
}

export interface Action {
  busy: boolean;
  fault: Fault | undefined;
  run: (work: () => Promise<void>) => Promise<boolean>;
  clear: () => void;
}

// useAction performs something that the user asked for: busy while it goes on, and
// what refused it is there to be shown in place.
export function useAction(): Action {
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<Fault>();
  const run = useCallback(async (work: () => Promise<void>) => {
    setBusy(true);
    setFault(undefined);
    try {
      await work();
      return true;
    } catch (thrown) {
      if (!isAborted(thrown)) setFault(asFault(thrown));
      return false;
    } finally {
      setBusy(false);
    }
  }, []);
  const clear = useCallback(() => setFault(undefined), []);
  return { busy, fault, run, clear };
}
