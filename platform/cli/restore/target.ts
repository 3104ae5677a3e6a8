import { UserError } from '../errors.ts';

/** Where a restore is to end, as a person says it. */
export type Target =
  | { readonly kind: 'latest' }
  /** `at`: RFC 3339 in UTC, to the microsecond, as Postgres takes it. */
  | { readonly kind: 'time'; readonly at: string }
  | { readonly kind: 'lsn'; readonly lsn: string }
  | { readonly kind: 'name'; readonly name: string };

export const TARGET_FORMS = 'latest, a time such as 2026-01-31T09:59:00Z, a place in the WAL such as 0/5A000028, or the name of a restore point';

const EXIT_USAGE = 2;
const LSN = /^([0-9a-f]{1,8})\/([0-9a-f]{1,8})$/i;
const TIME = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2}(?:\.(\d{1,6}))?)?)(Z|[+-]\d{2}:?\d{2})?$/i;
/** What `restore-point` takes: a letter first, so that no name can be read as a time or a place in the WAL. */
const NAME = /^[a-z][a-z0-9_-]{0,62}$/;

/** Throws a refusal that says what would have been understood. */
export function parseTarget(text: string): Target {
  const said = text.trim();
  if (said === 'latest') return { kind: 'latest' };
  if (LSN.test(said)) return { kind: 'lsn', lsn: said.toUpperCase() };
  const time = TIME.exec(said);
  if (time) return { kind: 'time', at: parseTime(said, time) };
  if (NAME.test(said)) return { kind: 'name', name: said };
  throw new UserError(`"${said}" is no point to restore to: it must be ${TARGET_FORMS}.`, [], EXIT_USAGE);
}

export function parsePointName(text: string): string {
  if (NAME.test(text) && text !== 'latest') return text;
  throw new UserError(`"${text}" cannot name a restore point: use small letters, digits, dashes and underscores, a letter first; not "latest".`, [], EXIT_USAGE);
}

function parseTime(said: string, [, date = '', clock = '', fraction = '', zone]: RegExpExecArray): string {
  // The zone of whoever types is not that of the machine, and an hour too many or too few is an hour of money.
  if (zone === undefined) throw new UserError(`"${said}" has no time zone.`, [`In UTC:  --to ${date}T${clock}Z`, `Or with its distance from UTC, such as  --to ${date}T${clock}+02:00`], EXIT_USAGE);
  const whole = clock.split('.')[0] ?? clock;
  const offset = zone.toUpperCase() === 'Z' ? 'Z' : `${zone.slice(0, 3)}:${zone.slice(-2)}`;
  const at_ms = Date.parse(`${date}T${whole.length === 5 ? `${whole}:00` : whole}${offset}`);
  // Date.parse takes the 30th of February for the 2nd of March.
  const isReal = !Number.isNaN(at_ms) && !Number.isNaN(Date.parse(`${date}T00:00:00Z`)) && new Date(`${date}T00:00:00Z`).toISOString().startsWith(date);
  if (!isReal) throw new UserError(`"${said}" is no time that there is.`, ['Such as:  --to 2026-01-31T09:59:00Z'], EXIT_USAGE);
  return `${new Date(at_ms).toISOString().slice(0, 19)}.${fraction.padEnd(6, '0')}Z`;
}

/** Milliseconds since 1970, microseconds as a fraction. */
export function millisecondsOf(at: string): number {
  return Date.parse(`${at.slice(0, 19)}Z`) + Number(at.slice(20, 26)) / 1_000;
}

/** Bytes from the beginning of the WAL. */
export function placeOfLsn(lsn: string): bigint {
  const [high = '', low = ''] = lsn.split('/');
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`);
}

export function describeTarget(target: Target): string {
  switch (target.kind) {
    case 'latest': return 'the end of what was archived';
    case 'time': return target.at;
    case 'lsn': return `WAL place ${target.lsn}`;
    case 'name': return `restore point ${target.name}`;
  }
}
