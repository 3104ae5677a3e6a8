import { UserError } from '../errors.ts';
import type { Instance } from '../instance.ts';
import { startOneOff } from '../one-off.ts';

export const EXIT_NOT_MOVED = 4;

/** What the ledger's program for shards answers (`services/transactions/src/shards/main.ts`), a line each, from a container of its own. */
export async function askLedger<Answer>(instance: Instance, args: readonly string[], onAnswer: (answer: Answer, count: number) => void = () => undefined): Promise<Answer[]> {
  const program = startOneOff(instance, 'transactions', 'shards/main.js', args);
  program.input.end();
  const answers: Answer[] = [];
  for await (const line of program.lines) {
    const answer = JSON.parse(line) as Answer;
    answers.push(answer);
    onAnswer(answer, answers.length);
  }
  const { exitCode, said } = await program.ended;
  if (exitCode === EXIT_NOT_MOVED) throw new UserError(`not moved: ${said.replace(/^\| /, '')}.`, ['It is where it was. Try again when there is less to do:  ./holdfast shards move …'], EXIT_NOT_MOVED);
  if (exitCode !== 0) throw new UserError(`the ledger did not answer (status ${exitCode}).\n${said}`, ['Look:  ./holdfast status', 'What was begun goes on when it is asked for again.']);
  return answers;
}
