/**
 * Says what long work is doing, how far it is and how long it has taken: one living line on a terminal, plain lines
 * elsewhere. Everything goes to standard error, so that `--json` on standard output stays clean.
 */
export class Progress {
  private readonly total: number;
  private readonly began = Date.now();
  private done = 0;

  constructor(total: number) {
    this.total = total;
  }

  async step<T>(label: string, work: (say: (detail: string) => void) => Promise<T>): Promise<T> {
    const position = `[${++this.done}/${this.total}]`;
    const began = Date.now();
    let detail = '';
    const line = (): string => `${position} ${label}${detail ? `: ${detail}` : ''}`;
    const say = (next: string): void => {
      if (next === detail) return;
      detail = next;
      if (!living) plain(`${line()} (${seconds(began)})`);
    };
    const ticker = living ? setInterval(() => redraw(`${line()} (${seconds(began)})`), 250) : undefined;
    try {
      const result = await work(say);
      clearInterval(ticker);
      finish(`${position} ${label}: done (${seconds(began)})`);
      return result;
    } catch (error) {
      clearInterval(ticker);
      finish(`${line()}: failed (${seconds(began)})`);
      throw error;
    }
  }

  elapsed(): string {
    return seconds(this.began);
  }
}

const living = process.stderr.isTTY === true && !process.env.CI;

let stream: NodeJS.WriteStream = process.stderr;

/** For a command whose product is its progress: on one stream with the result, so that the last line is the last. */
export function progressToStandardOutput(): void {
  stream = process.stdout;
}

export function plain(text: string): void {
  stream.write(`${text}\n`);
}

function redraw(text: string): void {
  stream.write(`\r\x1b[2K${text.slice(0, (stream.columns ?? 100) - 1)}`);
}

function finish(text: string): void {
  if (living) stream.write('\r\x1b[2K');
  plain(text);
}

function seconds(since: number): string {
  const elapsed = (Date.now() - since) / 1000;
  return elapsed < 90 ? `${elapsed.toFixed(elapsed < 10 ? 1 : 0)} s` : `${Math.floor(elapsed / 60)} min ${Math.round(elapsed % 60)} s`;
}
