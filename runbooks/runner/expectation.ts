import { stripVTControlCharacters } from 'node:util';

/** What a block is to do and say, as its information string has it. The grammar: ../README.md. */
export interface Expectation {
  readonly exit: number;
  /** Each is somewhere in the output. */
  readonly texts: readonly (string | RegExp)[];
  /** None is. */
  readonly absent: readonly (string | RegExp)[];
  /** Run it again until all of that is so, at most this long. Undefined: once. */
  readonly withinMs: number | undefined;
  readonly timeoutMs: number;
}

const TIMEOUT_MS = 300_000;
/** Nobody waits longer in front of a page. */
const LONGEST_MS = 3_600_000;

export const NOTHING_EXPECTED: Expectation = { exit: 0, texts: [], absent: [], withinMs: undefined, timeoutMs: TIMEOUT_MS };

const ATTRIBUTE = /^(?:(?<name>[a-z]+)=(?<value>"(?:[^"\\]|\\.)*"|\/(?:[^/\\]|\\.)+\/|[^\s"/]+))(?:\s+|$)/;

/** Reads what stands behind `sh`. Throws what is wrong with it. */
export function parseExpectation(text: string): Expectation {
  const found: { -readonly [K in keyof Expectation]: Expectation[K] } & { texts: (string | RegExp)[]; absent: (string | RegExp)[] } = { ...NOTHING_EXPECTED, texts: [], absent: [] };
  for (let rest = text.trim(); rest !== '';) {
    const match = ATTRIBUTE.exec(rest);
    const { name, value = '' } = match?.groups ?? {};
    if (!match) throw new Error(`what stands behind sh cannot be read from here: ${rest}`);
    switch (name) {
      case 'expect': found.texts.push(textOf(value)); break;
      case 'absent': found.absent.push(textOf(value)); break;
      case 'exit': found.exit = statusOf(value); break;
      case 'within': found.withinMs = durationOf(value); break;
      case 'timeout': found.timeoutMs = durationOf(value); break;
      default: throw new Error(`"${name}" is none of expect, absent, exit, within, timeout`);
    }
    rest = rest.slice(match[0].length);
  }
  return found;
}

/** What is not as expected, in words; nothing if all of it is. */
export function differences({ exit, texts, absent }: Expectation, outcome: { readonly exit: number; readonly output: string }): string[] {
  const output = stripVTControlCharacters(outcome.output);
  return [
    ...(outcome.exit === exit ? [] : [`exit status ${exit} was expected, ${outcome.exit} came`]),
    ...texts.filter((one) => !isIn(output, one)).map((one) => `${inWords(one)} was expected in the output, and is not there`),
    ...absent.filter((one) => isIn(output, one)).map((one) => `${inWords(one)} was not expected in the output, and is there`),
  ];
}

/** What is expected, in words, for a person who decides whether to go on. */
export function described({ exit, texts, absent, withinMs }: Expectation): string {
  const words = [`exit status ${exit}`, ...texts.map((one) => `output with ${inWords(one)}`), ...absent.map((one) => `output without ${inWords(one)}`)];
  return `${words.join(', ')}${withinMs === undefined ? '' : `, within ${withinMs / 1000} s`}`;
}

function isIn(output: string, wanted: string | RegExp): boolean {
  return typeof wanted === 'string' ? output.includes(wanted) : wanted.test(output);
}

function inWords(wanted: string | RegExp): string {
  return typeof wanted === 'string' ? JSON.stringify(wanted) : String(wanted);
}

function textOf(value: string): string | RegExp {
  if (value.startsWith('"')) return value.slice(1, -1).replace(/\\(.)/g, '$1');
  if (!value.startsWith('/')) throw new Error(`${value} wants quotes: "${value}"`);
  try {
    return new RegExp(value.slice(1, -1), 'm');
  } catch (error) {
    throw new Error(`${value} is no regular expression: ${(error as Error).message}`, { cause: error });
  }
}

function statusOf(value: string): number {
  if (!/^\d{1,3}$/.test(value) || Number(value) > 255) throw new Error(`exit=${value}: a number from 0 to 255 is needed`);
  return Number(value);
}

function durationOf(value: string): number {
  const [, number = '', unit = ''] = /^(\d+)(s|m)$/.exec(value) ?? [];
  const durationMs = Number(number) * (unit === 'm' ? 60_000 : 1_000);
  if (number === '' || durationMs === 0 || durationMs > LONGEST_MS) throw new Error(`${value} is no time such as 25s or 3m, of at most an hour`);
  return durationMs;
}
