import { stripVTControlCharacters } from 'node:util';

/** One test that failed, with the first lines of why: what somebody reads who sees nothing but the end of a run. */
export interface Failure {
  readonly name: string;
  readonly why: string;
}

export interface Outcomes {
  readonly passed: number;
  readonly failures: readonly Failure[];
}

const LINES = 6;
const WIDTH = 500;
/** Where in the code it was, and a piece of that code. */
const FRAME = /^\s*(at |>? *\d* \|)/;

/** Jest's `--json`. A file that could not be run at all counts as one failed test. */
export function outcomesOfJest(text: string): Outcomes {
  const { numPassedTests: passed, testResults } = JSON.parse(text) as {
    numPassedTests: number;
    testResults: { name: string; status: string; message: string; assertionResults: { fullName: string; status: string; failureMessages?: string[] }[] }[];
  };
  const failures = testResults.flatMap(({ name, status, message, assertionResults }) => {
    const failed = assertionResults.filter((one) => one.status === 'failed').map(({ fullName, failureMessages = [] }) => failure(`${name}: ${fullName}`, failureMessages.join('\n')));
    return failed.length === 0 && status === 'failed' ? [failure(name, message)] : failed;
  });
  return { passed, failures };
}

interface PlaywrightSuite {
  readonly title: string;
  readonly suites?: readonly PlaywrightSuite[];
  readonly specs?: readonly { readonly title: string; readonly file: string; readonly tests: readonly { readonly status: string; readonly results: readonly { readonly errors?: readonly { readonly message?: string }[] }[] }[] }[];
}

/** Playwright's `json`. One that passed only when it came again has failed. */
export function outcomesOfPlaywright(text: string): Outcomes {
  const { stats, suites, errors = [] } = JSON.parse(text) as { stats: { expected: number }; suites: readonly PlaywrightSuite[]; errors?: readonly { message?: string }[] };
  const specsIn = (suite: PlaywrightSuite): NonNullable<PlaywrightSuite['specs']> => [...(suite.specs ?? []), ...(suite.suites ?? []).flatMap(specsIn)];
  const failures = suites.flatMap(specsIn).flatMap(({ title, file, tests }) => {
    const failed = tests.filter(({ status }) => status === 'unexpected' || status === 'flaky');
    return failed.map(({ results }) => failure(`${file}: ${title}`, results.flatMap((result) => result.errors ?? []).map(({ message }) => message ?? '').join('\n')));
  });
  return { passed: stats.expected, failures: [...failures, ...errors.map(({ message = '' }) => failure('outside of any test', message))] };
}

/** What a runner of ours says of each thing, now or before. */
export interface Verdict {
  readonly name: string;
  readonly verdict: string;
  readonly why: string;
}

export function outcomesOfVerdicts(text: string): Outcomes {
  const verdicts = JSON.parse(text) as readonly Verdict[];
  const failed = verdicts.filter(({ verdict }) => !verdict.startsWith('passed'));
  return { passed: verdicts.length - failed.length, failures: failed.map(({ name, verdict, why }) => failure(name, why || verdict)) };
}

function failure(name: string, why: string): Failure {
  const lines = stripVTControlCharacters(why).split('\n').filter((line) => line.trim() !== '' && !FRAME.test(line));
  return { name, why: lines.slice(0, LINES).map((line) => (line.length > WIDTH ? `${line.slice(0, WIDTH)} …` : line)).join('\n').trim() };
}
