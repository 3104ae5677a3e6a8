/** When something is to be done, in UTC: a calendar that knows no summer time, so that no hour is missing and none comes twice. */
export type Slot =
  | { every: 'hour'; minute: number }
  | { every: 'day'; hour: number; minute: number }
  | { every: 'week'; weekday: number; hour: number; minute: number };

/** From what says most to what says least: a stronger one does the duty of a weaker one. */
export const BACKUP_TYPES = ['full', 'differential', 'incremental'] as const;
export type BackupType = (typeof BACKUP_TYPES)[number];

/** The rest that has its time in `schedule.yaml`. */
const OTHER_TASKS = ['verify', 'verify_second_repository', 'restore_proof', 'log_snapshot'] as const;
export const TASKS = [...BACKUP_TYPES, ...OTHER_TASKS] as const;
export type Task = (typeof TASKS)[number];

export type Schedule = Record<Task, Slot> & { keep: { full: number; differential: number } };

const WEEKDAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const PERIOD_MS = { hour: HOUR_MS, day: DAY_MS, week: 7 * DAY_MS } as const;
/** How late something may be before that is a fault: it takes its time, and things wait for each other. */
const PATIENCE_MS = { hour: HOUR_MS, day: 2 * HOUR_MS, week: DAY_MS } as const;

/**
 * Takes the content of `schedule.yaml`, parsed as YAML. Answers with the schedule, or with every fault in it, a sentence each.
 */
export function readSchedule(content: unknown): { schedule: Schedule } | { faults: string[] } {
  if (!isRecord(content)) return { faults: [`it holds no schedule: it wants ${[...TASKS, 'keep'].join(', ')}`] };
  const faults = Object.keys(content).filter((name) => name !== 'keep' && !TASKS.some((task) => task === name))
    .map((name) => `${name}: there is no such thing to be done; known are ${TASKS.join(', ')} and keep`);
  const slots = Object.fromEntries(TASKS.map((task) => [task, readSlot(content[task])]));
  for (const [task, slot] of Object.entries(slots)) if (typeof slot === 'string') faults.push(`${task}: ${slot}`);
  const keep = isRecord(content['keep']) ? content['keep'] : {};
  for (const type of ['full', 'differential']) {
    const count = keep[type];
    if (!Number.isInteger(count) || Number(count) < 1 || Number(count) > 9999) faults.push(`keep.${type}: ${show(count)}: how many are kept is a whole number from 1 to 9999`);
  }
  for (const name of Object.keys(keep)) if (!['full', 'differential'].includes(name)) faults.push(`keep.${name}: only full and differential are counted`);
  if (faults.length > 0) return { faults };
  return { schedule: { ...(slots as Record<Task, Slot>), keep: { full: Number(keep['full']), differential: Number(keep['differential']) } } };
}

/** The slot, or what is wrong with it. */
function readSlot(phrase: unknown): Slot | string {
  const wants = 'wants "hourly at :15", "daily at 01:00" or "weekly on sunday at 01:00"';
  if (phrase === undefined || phrase === null) return `is missing; it ${wants}`;
  const [, minuteOfHour, daily, weekday, hours = '', minutes = ''] = /^(?:hourly at :(\d\d)|(?:(daily)|weekly on (\w+)) at (\d\d):(\d\d))$/.exec(String(phrase).trim().toLowerCase()) ?? [];
  const [hour, minute] = [Number(hours), Number(minuteOfHour ?? minutes)];
  if (minuteOfHour === undefined && daily === undefined && weekday === undefined) return `${show(phrase)} is no time; it ${wants}`;
  if (hour > 23 || minute > 59) return `${show(phrase)}: there is no such time of the day`;
  if (minuteOfHour !== undefined) return { every: 'hour', minute };
  if (weekday === undefined) return { every: 'day', hour, minute };
  if (!WEEKDAYS.includes(weekday)) return `${show(phrase)}: "${weekday}" is no day; days are ${WEEKDAYS.join(', ')}`;
  return { every: 'week', weekday: WEEKDAYS.indexOf(weekday), hour, minute };
}

/** The last moment, not after `now`, at which this was to be done. */
export function latestSlot(slot: Slot, now: Date): Date {
  const at = new Date(now);
  if (slot.every === 'hour') at.setUTCMinutes(slot.minute, 0, 0);
  else at.setUTCHours(slot.hour, slot.minute, 0, 0);
  if (slot.every === 'week') at.setUTCDate(at.getUTCDate() - ((at.getUTCDay() - slot.weekday + 7) % 7));
  return at > now ? new Date(at.getTime() - PERIOD_MS[slot.every]) : at;
}

/** The first moment after `now`. */
export function nextSlot(slot: Slot, now: Date): Date {
  return new Date(latestSlot(slot, now).getTime() + PERIOD_MS[slot.every]);
}

/** How old the last success may be before somebody should be told: a period, and patience. */
export function allowedAge_seconds(slot: Slot): number {
  return (PERIOD_MS[slot.every] + PATIENCE_MS[slot.every]) / 1000;
}

export function isDue(slot: Slot, last: Date | undefined, now: Date): boolean {
  return last === undefined || last < latestSlot(slot, now);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? 'nothing';
}
