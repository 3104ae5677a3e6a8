const DAY_MS = 86_400_000;

/** How long the answer to a key is promised to be kept. */
export const KEYS_KEPT_DAYS = 30;
/** How long it is kept where no clock jumps. */
const KEPT_MS = 33 * DAY_MS;
/** The horizon may be this much faster than time, so that it comes up again after an outage, in which nobody saw time pass. 33 days at this pace are 30. */
const PACE = 33 / KEYS_KEPT_DAYS;

/**
 * The instant before which keys may be forgotten, by the clock that wrote them. It follows that clock, but moves ahead no faster than time has been seen to pass:
 * a clock that jumps ahead makes no key old, and one that jumps back takes the horizon with it, so that what is written meanwhile is not old
 * when the clock comes back. So no key is forgotten before 30 days have really passed.
 */
export function nextHorizon(horizon_ms: number, clock_ms: number, passed_ms: number): number {
  return Math.min(clock_ms - KEPT_MS, horizon_ms + passed_ms * PACE);
}
