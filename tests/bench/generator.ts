import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { docker } from '../../platform/cli/run.ts';
import type { LoadPlan, LoadResult, Said } from './load/plan.ts';

const BENCH = fileURLToPath(new URL('.', import.meta.url));

/** The load generator in its container: in the network of the services and in that of the edge, with a processor time of its own to be counted. */
export class GeneratorProcess {
  readonly container: string;
  private readonly child: ChildProcessByStdio<Writable, Readable, null>;
  private readonly said: AsyncIterator<string>;

  private constructor(container: string, child: ChildProcessByStdio<Writable, Readable, null>) {
    this.container = container;
    this.child = child;
    this.said = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  static async start(instance: string, image: string): Promise<GeneratorProcess> {
    const name = `${instance}-generator`;
    await docker('rm', '--force', name).catch(() => undefined);
    const container = (await docker(
      'create', '--interactive', '--init', '--name', name, '--network', `${instance}_services`, '--user', '65534:65534', '--read-only', '--cap-drop', 'ALL',
      '--memory', '512m', '--log-driver', 'none', '--volume', `${BENCH}:/bench:ro`, '--entrypoint', 'node', image, '--disable-warning=ExperimentalWarning', '/bench/load/main.ts',
    )).trim();
    await docker('network', 'connect', `${instance}_front`, container);
    return new GeneratorProcess(container, spawn('docker', ['start', '--attach', '--interactive', container], { stdio: ['pipe', 'pipe', 'inherit'] }));
  }

  /** Runs a plan; `began` and `over` are called at the edges of the time that is measured. */
  async run(plan: LoadPlan, began: () => void, over: () => void): Promise<LoadResult> {
    this.child.stdin.write(`${JSON.stringify(plan)}\n`);
    for (;;) {
      const { value, done } = await this.said.next();
      if (done) throw new Error('the load generator has ended');
      const said = JSON.parse(value) as Said;
      if (said.failed !== undefined) throw new Error(`the load generator: ${said.failed}`);
      if (said.ready) this.child.stdin.write('go\n');
      if (said.began) began();
      if (said.over) over();
      if (said.ended) return said.ended;
    }
  }

  async stop(): Promise<void> {
    this.child.stdin.end();
    await docker('rm', '--force', this.container).catch(() => undefined);
  }
}
