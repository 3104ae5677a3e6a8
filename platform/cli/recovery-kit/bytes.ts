import { answerOf, mustAnswer } from '../recover/place.ts';

/** Runs a program that takes and gives bytes, not text. Throws when it fails, with what it said. */
export function throughProgram(program: string, args: readonly string[], input?: Buffer): Promise<Buffer> {
  return mustAnswer({ run: ([name = '', ...rest], bytes) => answerOf(name, rest, bytes) }, [program, ...args], input);
}
