/** Where there is less to go by, how fast it is cannot be told. */
const MEASURED_FOR_MS = 1_000;

/** For something that tells how many percent of it are done: calls `near` once, when the rest will take less than `within_ms` if it goes on as fast as it went on average. */
export function nearing(within_ms: number, near: () => void, now: () => number = () => performance.now()): (percent: number) => void {
  let began: number | undefined;
  let isTold = false;
  return (percent) => {
    began ??= now();
    const took_ms = now() - began;
    if (isTold || took_ms < MEASURED_FOR_MS || (took_ms * (100 - percent)) / percent > within_ms) return;
    isTold = true;
    near();
  };
}
