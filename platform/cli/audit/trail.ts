import { text } from 'node:stream/consumers';
import type { Readable } from 'node:stream';
import { UserError } from '../errors.ts';
import type { Instance } from '../instance.ts';
import { startOneOff } from '../one-off.ts';

/** As services/audit/src/trail/main.ts ends when what was asked for cannot be had. */
export const EXIT_CANNOT = 4;

export interface TrailProgram {
  readonly output: Readable;
  /** Throws if it did not end well, and says why in words for people. */
  finished(): Promise<void>;
}

/** Asks the trail's own program, which needs the database and the checkpoints and no service that runs. */
export function askTrail(instance: Instance, words: readonly string[], say: (detail: string) => void = () => undefined): TrailProgram {
  const program = startOneOff(instance, 'audit', 'trail/main.js', words, (line) => { if (!line.startsWith('{')) say(line); });
  program.input.end();
  return {
    output: program.output,
    async finished() {
      const { exitCode, said } = await program.ended;
      if (exitCode === EXIT_CANNOT) throw new UserError(`${said.split('\n').at(-1)?.replace(/^\| /, '') ?? 'the trail has no such entry'}.`, [], EXIT_CANNOT);
      if (exitCode !== 0) throw new UserError(`the audit trail did not answer (status ${exitCode}).\n${said}`, ['Look:  ./holdfast status']);
    },
  };
}

/** The same, for an answer of one line. */
export async function askTrailOnce<Answer>(instance: Instance, words: readonly string[]): Promise<Answer> {
  const program = askTrail(instance, words);
  const answer = await text(program.output);
  await program.finished();
  return JSON.parse(answer) as Answer;
}
