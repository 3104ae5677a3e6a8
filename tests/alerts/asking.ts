/** Requests that are made again and again, by the name under which they are ended. */
const running = new Map<string, NodeJS.Timeout>();

/** So many a second, until `stopAsking`. What is answered is not looked at: it is what the alert counts. */
export function keepAsking(name: string, perSecond: number, ask: (turn: number) => Promise<unknown>): void {
  stopAsking(name);
  let turn = 0;
  running.set(name, setInterval(() => void ask(turn++).catch(() => undefined), 1_000 / perSecond));
}

export function stopAsking(name: string): void {
  clearInterval(running.get(name));
  running.delete(name);
}

/** So many in all, so many at a time, each answered or failed before the next. */
export async function askInTurns(count: number, atATime: number, ask: (turn: number) => Promise<unknown>): Promise<void> {
  let turn = 0;
  await Promise.all(Array.from({ length: Math.min(atATime, count) }, async () => {
    while (turn < count) await ask(turn++).catch(() => undefined);
  }));
}
