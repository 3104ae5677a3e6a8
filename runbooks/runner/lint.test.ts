import { expect, test } from '@jest/globals';
import { createProgram } from '../../platform/cli/program.ts';
import { faultOfWords } from '../../platform/cli/command-line.ts';
import { faultsOf } from './lint.ts';
import { parsePage } from './page.ts';
import { allPages } from './pages.ts';

const FENCE = '```';
const program = await createProgram();
const judge = (words: readonly string[]): string | undefined => faultOfWords(program, words);

function block(commands: string, expectation = ''): string {
  return `${FENCE}sh ${expectation}\n${commands}\n${FENCE}\n`;
}

/** A page that is right, with parts of it put in the place of others. */
function page(parts: { title?: string; head?: string; look?: string; act?: string; check?: string; undo?: string; order?: string[] } = {}): string[] {
  const sections: Record<string, string> = {
    Look: parts.look ?? block('./holdfast status', 'exit=1'), Act: parts.act ?? block('./holdfast up', 'timeout=10m'), Check: parts.check ?? block('./holdfast status', 'expect="healthy" within=2m'),
    Undo: parts.undo ?? 'Nothing to undo.',
  };
  const text = `# ${parts.title ?? 'redis-lost'}\n${parts.head ?? '**Means**: it is gone. **Hits**: nobody.'}\n\n${(parts.order ?? Object.keys(sections)).map((name) => `## ${name}\n${sections[name] ?? 'more'}\n`).join('\n')}`;
  return faultsOf(parsePage('redis-lost', 'runbooks/procedures/redis-lost.md', text), judge).map(({ line, what }) => `${line}: ${what}`);
}

test('a page that a person cannot follow would pass', () => {
  expect(page()).toEqual([]);
  expect(page({ title: 'Redis' })).toEqual(['1: the title is "Redis", the file\'s name redis-lost']);
  expect(page({ head: 'It is gone.' })).toEqual([expect.stringContaining('**Means**')]);
  expect(page({ order: ['Look', 'Check', 'Act', 'Undo'] })).toEqual(['4: the sections are Look, Check, Act, Undo; they should be Look, Act, Check, Undo']);
  expect(page({ undo: '' })).toEqual([expect.stringContaining('Undo is empty')]);
  expect(page({ check: 'Look whether it is well.' })).toEqual([expect.stringContaining('Check wants a block')]);
  expect(page({ act: 'Do something.' })).toEqual([expect.stringContaining('does not say that nothing is to be done')]);
  expect(page({ act: 'Nothing: it heals by itself.' })).toEqual([]);
  expect(page({ undo: 'See [there](nowhere.md).' })).toEqual([expect.stringContaining('leads nowhere: nowhere.md')]);
  expect(page({ act: `- first:\n\n  ${block('./holdfast up').replaceAll('\n', '\n  ')}` })).toEqual(expect.arrayContaining([expect.stringContaining('at the margin')]));
});

test.each([
  ['./holdfast statos', 'there is no command ./holdfast statos'],
  ['./holdfast status --all', './holdfast status has no option --all'],
  ['./holdfast test --only nothing', '--only nothing is none of'],
  ['./holdfast ledger', 'ledger wants one of verify'],
  ['./holdfast ledger verify now', 'does not take so many words'],
  ['./holdfast scale', 'scale wants'],
  ['./holdfast --instance other status', 'leave --instance out'],
  ['echo "$(./holdfast statos)"', 'there is no command ./holdfast statos'],
  ['./holdfast status | jq .', '"jq" is no command of ./holdfast'],
  ['./holdfast status && sleep 5', 'a page does not sleep'],
  ['./holdfast logs $COMPONENT', '$COMPONENT is not among what the page needs'],
  ['./holdfast status "', 'bash does not understand it'],
  ['docker ps `true`', 'backticks'],
  ['cat <<END\nx\nEND', 'here-document'],
])('a page could say %s', (commands, fault) => {
  expect(page({ act: block(commands) })).toEqual([expect.stringContaining(fault)]);
});

test('a page that is right would be refused', () => {
  expect(page({ act: block('for node in core-a core-b; do ./holdfast logs "$node" --lines 5 | grep -c "x; y" >/dev/null; done') })).toEqual([]);
  expect(page({ act: block('NODE=$(docker ps -q | head -1)') + block('if [ -n "$NODE" ]; then ./holdfast logs ${NODE}; fi # said') })).toEqual([]);
  expect(page({ head: '**Means**: a. **Hits**: b.\n\n**Needs**: `NODE` which, `LINES=5` how many.', act: block("./holdfast logs $NODE -n $LINES --follow | awk '{ print $1 }'") })).toEqual([]);
});

test.each([['expect=text', 'wants quotes'], ['expects="a"', '"expects" is none of'], ['exit=300', '0 to 255'], ['within=soon', 'no time'], ['within=2h', 'no time'], ['expect=/(/', 'no regular expression'], ['expect="a', 'cannot be read from here'], ['exit=1 within=5s', 'expect a text, too']])('an expectation could say %s', (expectation, fault) => {
  expect(page({ check: block('./holdfast status', expectation) })).toEqual([expect.stringContaining(fault)]);
});

test('a fault is told at the line where it stands', () => {
  expect(page({ look: `Look:\n\n${block('./holdfast statos')}` })).toEqual(['8: there is no command ./holdfast statos']);
});

test('a page of the product would not hold the grammar', () => {
  expect(allPages().flatMap((one) => faultsOf(one, judge).map(({ line, what }) => `${one.file}:${line}: ${what}`))).toEqual([]);
});
