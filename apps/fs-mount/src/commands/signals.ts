const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Calls `act` for each signal that asks this process to end, with how many came. */
export function onSignals(act: (times: number) => void): { forget(): void } {
  let times = 0;
  const heard = (): void => act(++times);
  for (const signal of SIGNALS) process.on(signal, heard);
  return {
    forget() {
      for (const signal of SIGNALS) process.off(signal, heard);
    },
  };
}
