import { expect, jest, test } from '@jest/globals';
import { parsePage } from './page.ts';
import { runPage, type PageRun } from './run-page.ts';

const FENCE = '```';
// Each starts a shell, and one the CLI: on a machine that does other things too.
jest.setTimeout(60_000);

function run(blocks: readonly [commands: string, expectation?: string][], variables: Record<string, string> = {}, needs = ''): Promise<PageRun> {
  const look = blocks.map(([commands, expectation = '']) => `${FENCE}sh ${expectation}\n${commands}\n${FENCE}\n`).join('\n');
  const text = `# page\n**Means**: a. **Hits**: b.\n\n${needs}\n\n## Look\n${look}\n## Undo\n${FENCE}sh\ntouch /nobody/runs/undo\n${FENCE}\n`;
  return runPage(parsePage('page', 'runbooks/procedures/page.md', text), { instance: 'nobody', variables });
}

test('a step that does not go as it says would be passed over, or the next one be run', async () => {
  const result = await run([['echo first'], ['echo second; false', 'expect="third" absent="second"'], ['echo never']]);
  expect(result.verdict).toBe('stopped');
  expect(result.steps.map(({ line, exit, output }) => ({ line, exit, output }))).toEqual([{ line: 8, exit: 0, output: 'first\n' }, { line: 12, exit: 1, output: 'second\n' }]);
  expect(result.steps[1]?.differences).toEqual(['exit status 0 was expected, 1 came', '"third" was expected in the output, and is not there', '"second" was not expected in the output, and is there']);
});

test('what is as expected would stop a page', async () => {
  const result = await run([
    ['echo to error >&2; exit_status() { return 3; }; exit_status', 'exit=3 expect="to error"'], ["printf '\\033[31mred\\033[0m | \"quoted\"'", 'expect="red | \\"quoted\\""'], ['printf "one\\ntwo\\n"', 'expect=/^two$/ absent=/^three$/'],
  ]);
  expect(result).toMatchObject({ verdict: 'as expected' });
});

test('what a block assigns could be forgotten, and what is given not be there', async () => {
  const result = await run([['NAME=$(echo "a  b")'], ['echo "$NAME, $GIVEN, $OTHERWISE, $HOLDFAST_INSTANCE"', 'expect="a  b, given, otherwise, nobody"']], { GIVEN: 'given' }, '**Needs**: `GIVEN` and `OTHERWISE=otherwise`.');
  expect(result).toMatchObject({ verdict: 'as expected' });
});

test('a page could be run without what it needs, or with what it does not know', async () => {
  await expect(run([['true']], {}, '**Needs**: `CLUSTER` the cluster.')).rejects.toThrow('page needs CLUSTER');
  await expect(run([['true']], { CLUSTER: 'core' })).rejects.toThrow('knows no CLUSTER');
});

test('what takes its time could be given up at the first look, or waited for without end', async () => {
  const counting = 'COUNT=$((COUNT + 1)); echo "look $COUNT"';
  const patient = await run([[counting, 'expect="look 3" within=20s']]);
  expect(patient).toMatchObject({ verdict: 'as expected', steps: [{ runs: 3 }] });
  const late = await run([['echo no', 'expect="yes" within=1s']]);
  expect(late.verdict).toBe('stopped');
  expect(late.steps[0]?.differences[0]).toContain('not within 1 s');
});

test('a command that hangs, or that ends the shell, would hang the page', async () => {
  const hanging = await run([['echo began; tail -f /dev/null', 'timeout=1s']]);
  expect(hanging).toMatchObject({ verdict: 'stopped', steps: [{ exit: null, output: 'began\n' }] });
  expect(await run([['exit 0'], ['true']])).toMatchObject({ verdict: 'stopped', steps: [{ exit: null }] });
});

test('a command that asks would wait for an answer that nobody gives', async () => {
  expect(await run([['read -r answer || echo "nobody answers"', 'expect="nobody answers"']])).toMatchObject({ verdict: 'as expected' });
});

test('./holdfast would not be the CLI that runs the page', async () => {
  const result = await run([['./holdfast runbook list && for one in 1; do ./holdfast --version; done', 'expect="Follow one"']]);
  expect(result).toMatchObject({ verdict: 'as expected' });
});
