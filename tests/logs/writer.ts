/** Runs in a container of its own, of which it is the only program: writes numbered lines to standard output, as a service does. Imports nothing of ours. */
export interface Load {
  /** Stands in each line, so that those of one run can be told from all others. */
  readonly run: string;
  readonly lines: number;
  /** Number of the first. */
  readonly from?: number;
  /** 0: as fast as Docker takes them. */
  readonly perSecond: number;
  /** Of each line, about. */
  readonly bytes: number;
  /** As a component that is no service of ours writes them: text, in which the number is searched for as a word. */
  readonly plain?: boolean;
  /** The last line has no end: what a component leaves that dies in the middle of one. */
  readonly unfinished?: boolean;
}

const TICK_MS = 20;

const load = process.argv[2] === undefined ? undefined : (JSON.parse(process.argv[2]) as Load);
if (load) await write(load);

async function write({ run, lines, from = 0, perSecond, bytes, plain = false, unfinished = false }: Load): Promise<void> {
  const began = performance.now();
  for (let line = 0; line < lines;) {
    const due = perSecond === 0 ? lines : Math.min(lines, Math.floor(((performance.now() - began) / 1000) * perSecond));
    let text = '';
    for (; line < due && text.length < 65_536; line++) text += textOf(run, from + line, bytes, plain);
    if (unfinished && line === lines) text = text.trimEnd();
    if (!process.stdout.write(text)) await new Promise((resolve) => process.stdout.once('drain', resolve));
    else if (line >= due) await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }
}

/** Quotes, a backslash and letters beyond ASCII among it: what escaping makes longer. */
function textOf(run: string, line: number, bytes: number, plain: boolean): string {
  const number = String(line).padStart(9, '0');
  const filling = 'a "word" of C:\\ and é '.repeat(Math.ceil(bytes / 22)).slice(0, Math.max(0, bytes - (plain ? 40 : 280)));
  if (plain) return `${run} line ${number}: ${filling} end\n`;
  return `${JSON.stringify({
    '@timestamp': new Date().toISOString(), 'log.level': 'info', message: `POST /v1/transfers answered 201 ${filling}`, 'event.dataset': 'writer.http', 'trace.id': number.padStart(32, '0'),
    'http.response.status_code': 201, 'event.duration': 12_345_678, 'labels.run': run, 'labels.line': number,
  })}\n`;
}
