import { expect, test } from '@jest/globals';
import { createProgram } from './program.ts';

const namesFor = async (...words: string[]): Promise<string[]> => (await createProgram(words)).commands.map((command) => command.name());

test.each([
  ['by itself', ['status', '--json']],
  ['after the name of an installation', ['--instance', 'bank', 'status']],
  ['after the name of an installation in one word', ['--instance=bank', 'status']],
  ['of an installation that is called like another command', ['--instance', 'up', 'status']],
])('a command %s could wait until all the others are loaded', async (_where, words) => {
  expect(await namesFor(...words)).toEqual(['status']);
});

test.each([[['help', 'status']], [['--help']], [['statsu']], [[]], [['constructor']], [['--instance', 'status']]])('%j could be answered as if there were one command', async (words) => {
  expect((await namesFor(...words)).length).toBeGreaterThan(20);
});
