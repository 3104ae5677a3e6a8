/**
 * The generic cell rate algorithm (ITU-T I.371, annex A): a token bucket whose whole state is one time stamp, the theoretical arrival time at
 * which the bucket would be full again. A client may send `perMinute` at once and then as fast as they come back. A request may count for several; for more than
 * a whole bucket none does, or it could never pass.
 */
export interface Allowance {
  readonly allowed: boolean;
  /** How many more would pass at this moment. */
  readonly remaining: number;
  /** Until the bucket is full again. */
  readonly reset_ms: number;
  /** Until the next one passes; 0 if it does now. */
  readonly retryAfter_ms: number;
}

const WINDOW_MS = 60_000;

/** Decides one request that counts for `cost`, and what to keep for the next. */
export function decide(arrival_ms: number | undefined, perMinute: number, now_ms: number, cost = 1): { allowance: Allowance; arrival_ms: number } {
  // Beyond an empty bucket it lies only if the clock has gone back since: the bucket is then taken for empty, and not for closed until the clock is there again.
  const theoretical_ms = Math.min(Math.max(arrival_ms ?? now_ms, now_ms), now_ms + WINDOW_MS);
  const next_ms = theoretical_ms + intervalOf(cost, perMinute);
  const early_ms = next_ms - now_ms - WINDOW_MS;
  // A thousandth of a millisecond forgives the rounding of 60,000 / 7.
  const allowed = early_ms <= 0.001;
  const kept_ms = allowed ? next_ms : theoretical_ms;
  return { arrival_ms: kept_ms, allowance: allowanceOf(allowed, kept_ms, perMinute, now_ms, cost) };
}

/** The same in Redis, atomically and by Redis' clock, so that replicas of the gateway agree. Returns the theoretical arrival and the time, in ms. */
export const GCRA_SCRIPT = `
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local interval = ${WINDOW_MS} / tonumber(ARGV[1]) * math.min(tonumber(ARGV[2]), tonumber(ARGV[1]))
local arrival = tonumber(redis.call('GET', KEYS[1]) or now)
if arrival < now then arrival = now end
if arrival > now + ${WINDOW_MS} then arrival = now + ${WINDOW_MS} end
local following = arrival + interval
if following - now - ${WINDOW_MS} <= 0.001 then
  redis.call('SET', KEYS[1], string.format('%.3f', following), 'PX', math.ceil(following - now) + 1000)
  return { 1, string.format('%.3f', following), string.format('%.3f', now) }
end
return { 0, string.format('%.3f', arrival), string.format('%.3f', now) }
`;

/** What a decision means to the client. */
export function allowanceOf(allowed: boolean, arrival_ms: number, perMinute: number, now_ms: number, cost = 1): Allowance {
  const interval_ms = WINDOW_MS / perMinute;
  const wait_ms = arrival_ms + intervalOf(cost, perMinute) - now_ms - WINDOW_MS;
  return {
    allowed,
    remaining: Math.max(0, Math.floor((WINDOW_MS - (arrival_ms - now_ms)) / interval_ms + 0.001)),
    reset_ms: Math.max(0, arrival_ms - now_ms),
    retryAfter_ms: allowed ? 0 : Math.max(1, wait_ms),
  };
}

function intervalOf(cost: number, perMinute: number): number {
  return (WINDOW_MS / perMinute) * Math.min(cost, perMinute);
}
