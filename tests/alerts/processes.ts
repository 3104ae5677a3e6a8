import { readFileSync } from 'node:fs';
import type { Platform } from '../kit/platform.ts';

/** The host's ids of the processes of a component that have this name. */
export async function processesNamed(platform: Platform, service: string, name: string): Promise<number[]> {
  const { pid } = await platform.container(service);
  return below(pid).filter((one) => read(one, 'comm').trim() === name);
}

export function childrenOf(pid: number): number[] {
  return read(pid, `task/${pid}/children`).trim().split(' ').filter(Boolean).map(Number);
}

function below(pid: number): number[] {
  return [pid, ...childrenOf(pid).flatMap(below)];
}

/** Nothing, of one that has ended meanwhile. */
function read(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}
