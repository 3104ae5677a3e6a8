import { Command } from 'commander';
import { containersOf, memoryBytes, type Container } from '../containers.ts';
import { vendorImages } from '../images/catalogue.ts';
import { Instance } from '../instance.ts';
import { allConcerns } from '../status/all.ts';
import type { Concern } from '../status/concern.ts';
import { servicesOf } from './up.ts';

const MIB = 1024 ** 2;

interface Row {
  component: string;
  health: string;
  memory_bytes: number;
  restarts: number;
  up_seconds: number;
}

export function statusCommand(): Command {
  return new Command('status')
    .description('health, memory and restarts of every component, firing alerts, and what else wants attention')
    .option('--json', 'for programs')
    .addHelpText('after', '\nExit status: 0 every component healthy, 1 one is not, 3 not running. An alert changes nothing of that: ./holdfast alerts.')
    .action(async (options: { json?: true }, command: Command) => {
      const instance = await Instance.named(command);
      const present = await Promise.all((await containersOf(instance)).map(toRow));
      const rows = present.length === 0 ? [] : [...present, ...absentFrom(instance, present)].toSorted((a, b) => a.component.localeCompare(b.component));
      const unavailable = vendorImages(instance.settings.registry).map(({ profile }) => profile).filter((profile) => !instance.settings.profiles.includes(profile));
      const concerns = rows.length === 0 ? [] : await allConcerns(instance);
      const total = rows.reduce((sum, row) => sum + row.memory_bytes, 0);
      process.exitCode = rows.length === 0 ? 3 : rows.every((row) => row.health === 'healthy') ? 0 : 1;
      if (options.json) console.log(JSON.stringify({ instance: instance.name, url: instance.url, components: rows, concerns, image_not_available: unavailable, memory_bytes: total }, null, 2));
      else print(instance, rows, unavailable, total, concerns);
    });
}

/** What belongs to a running platform and has no container, as after the loss of its disk. */
function absentFrom(instance: Instance, present: readonly Row[]): Row[] {
  const missing = servicesOf(instance).filter((service) => !present.some(({ component }) => component === service));
  return missing.map((component) => ({ component, health: 'absent', memory_bytes: 0, restarts: 0, up_seconds: 0 }));
}

async function toRow(container: Container): Promise<Row> {
  const runs = container.pid > 0;
  return {
    component: container.service,
    health: container.health,
    memory_bytes: runs ? await memoryBytes(container) : 0,
    restarts: container.restarts,
    up_seconds: runs ? Math.round((Date.now() - container.startedAt.getTime()) / 1000) : 0,
  };
}

function print(instance: Instance, rows: readonly Row[], unavailable: readonly string[], totalBytes: number, concerns: readonly Concern[]): void {
  if (rows.length === 0) {
    console.log(`Instance "${instance.name}" is not running. Start it:  ./holdfast up`);
    return;
  }
  const width = Math.max(...rows.map((row) => row.component.length));
  for (const row of rows) {
    const sign = row.health === 'healthy' ? '●' : '○';
    const restarts = row.restarts > 0 ? `${row.restarts} restarts` : '';
    console.log(`${sign} ${row.component.padEnd(width)}  ${row.health.padEnd(10)}  ${`${Math.round(row.memory_bytes / MIB)} MiB`.padStart(9)}  ${duration(row.up_seconds).padStart(8)}  ${restarts}`.trimEnd());
  }
  for (const profile of unavailable) console.log(`- ${profile.padEnd(width)}  image not available`);
  console.log('');
  const about = Math.max(...concerns.map((concern) => concern.about.length));
  for (const { about: name, says, state, next } of concerns) console.log(`${{ good: '●', attention: '◐', trouble: '○' }[state]} ${name.padEnd(about)}  ${says}${next ? `  (${next})` : ''}`);
  const healthy = rows.filter((row) => row.health === 'healthy').length;
  console.log(`\n${healthy} of ${rows.length} healthy, ${(totalBytes / 1024 ** 3).toFixed(2)} GiB of memory, ${instance.url}`);
  const ill = rows.find((row) => row.health !== 'healthy');
  if (ill) console.log(ill.health === 'absent' ? 'Make what is absent anew:  ./holdfast up' : `Look:  ./holdfast logs ${ill.component}`);
}

function duration(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} days`;
}
