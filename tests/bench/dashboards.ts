/** `npm run bench:dashboards`: how long the questions of each dashboard take together, and what Prometheus takes to answer them for fifteen days. */
import { parseArgs } from 'node:util';
import { memoryBytes } from '../../platform/cli/containers.ts';
import { answersOf, panelQuestions } from '../kit/dashboards.ts';
import { Platform } from '../kit/platform.ts';
import { estimate, type Measured } from './prometheus-estimate.ts';
import { circumstances, heading, load, saveResults, type Circumstances } from './save-results.ts';
import { median } from './statistics.ts';

/** What every dashboard shows when it is opened. */
const SHOWN_S = 3_600;
const MOST_MS = 1_000;
const MOST_MIB = 500;

interface Timed {
  readonly dashboard: string;
  readonly questions: number;
  /** Of all questions, one after the other, by round. Grafana asks several at once. */
  readonly together_ms: readonly number[];
  readonly slowest: { readonly panel: string; readonly took_ms: number };
}

interface Results extends Circumstances {
  readonly dashboards: readonly Timed[];
  readonly prometheus: Measured;
  readonly load: number;
}

const { values } = parseArgs({ options: { instance: { type: 'string', default: 'holdfast' }, rounds: { type: 'string', default: '5' }, help: { type: 'boolean', default: false } } });
if (values.help) {
  console.log('npm run bench:dashboards -- [--instance holdfast] [--rounds 5]   on a running instance, best after an hour of ./holdfast demo. Results: tests/bench/results/');
  process.exit(0);
}

process.env.HOLDFAST_INSTANCE = values.instance;
const found = circumstances('bench:dashboards');
const platform = await Platform.attach();
try {
  const questions = Map.groupBy(panelQuestions(), ({ dashboard }) => dashboard);
  const dashboards: Timed[] = [];
  for (const [dashboard, own] of questions) {
    const rounds: number[] = [];
    let slowest = { panel: '', took_ms: 0 };
    for (let round = 0; round < Number(values.rounds); round++) {
      const answers = await answersOf(platform, own, SHOWN_S);
      rounds.push(answers.reduce((sum, { took_ms }) => sum + took_ms, 0));
      for (const [index, { took_ms }] of answers.entries()) if (took_ms > slowest.took_ms) slowest = { panel: own[index]?.panel ?? '', took_ms };
    }
    dashboards.push({ dashboard, questions: own.length, together_ms: rounds, slowest });
  }
  const results: Results = { ...found, dashboards, prometheus: await measurePrometheus(), load: load() };
  console.error(`saved: ${saveResults('dashboards', results, markdown(results))}`);
  console.log(markdown(results));
  process.exitCode = dashboards.every(({ together_ms }) => median(together_ms) <= MOST_MS) ? 0 : 1;
} finally {
  platform.close();
}

async function measurePrometheus(): Promise<Measured> {
  const figure = async (query: string): Promise<number> => (await platform.prometheus(query))[0]?.value ?? 0;
  // A directory of files of 128 MB, each as long as what is in it.
  const chunks = (await platform.inside('prometheus', 'sh', '-c', 'cat /data/chunks_head/* | wc -c')).trim();
  return {
    up_s: await figure('time() - process_start_time_seconds{component="prometheus"}'),
    series: await figure('prometheus_tsdb_head_series'),
    samples_a_second: await figure('rate(prometheus_tsdb_head_samples_appended_total[10m])'),
    full_chunks: await figure('prometheus_tsdb_mmap_chunks_total'),
    full_chunks_bytes: Number(chunks),
    compacted_bytes: await figure('prometheus_tsdb_compaction_chunk_size_bytes_sum'),
    compacted_samples: await figure('prometheus_tsdb_compaction_chunk_samples_sum'),
    series_created_an_hour: await figure('rate(prometheus_tsdb_head_series_created_total[10m]) * 3600'),
    memory_mib: (await memoryBytes(await platform.container('prometheus'))) / 2 ** 20,
    resident_mib: (await figure('process_resident_memory_bytes{component="prometheus"}')) / 2 ** 20,
  };
}

function markdown(results: Results): string {
  const rows = results.dashboards.toSorted((a, b) => median(b.together_ms) - median(a.together_ms)).map(({ dashboard, questions, together_ms, slowest }) =>
    `| ${dashboard} | ${questions} | ${median(together_ms).toFixed(0)} ms | ${Math.max(...together_ms).toFixed(0)} ms | ${median(together_ms) <= MOST_MS ? 'yes' : 'NO'} | ${slowest.panel}, ${slowest.took_ms.toFixed(0)} ms |`);
  return [
    ...heading('Dashboards, and what Prometheus takes', results),
    `Every question of every panel, over the hour that a dashboard shows, a value for each 15 s, over one TLS connection, one after the other (Grafana asks several at once). Load average ${results.load}.`, '',
    `| dashboard | questions | together: median of ${results.dashboards[0]?.together_ms.length ?? 0} | worst | at most ${MOST_MS / 1_000} s | slowest |`, '|---|---|---|---|---|---|', ...rows, '',
    ...estimate(results.prometheus, MOST_MIB), '',
  ].join('\n');
}
