import { stripVTControlCharacters } from 'node:util';
import { run } from './run.ts';

const WIDTH = 240;
const TELLS_WHY = /error|fatal|panic|alert|emerg|cannot|denied|refused|invalid|not found|no such/i;
/** Frames of a stack trace, and the version that Node ends it with. */
const TELLS_WHERE = /^\s*at |^Node\.js v/;

/** Why a container ended, in its own words: the line of the end of its output that tells most. Undefined where it said nothing. */
export async function lastWordsOf(containerId: string): Promise<string | undefined> {
  const { stdout, stderr } = await run('docker', ['logs', '--tail', '60', containerId]);
  return tellingLine(`${stdout}\n${stderr}`);
}

export function tellingLine(output: string): string | undefined {
  const lines = stripVTControlCharacters(output).split('\n').map(messageOf).filter((line) => line.trim() !== '' && !TELLS_WHERE.test(line));
  const line = (lines.findLast((one) => TELLS_WHY.test(one)) ?? lines.at(-1))?.trim();
  return line !== undefined && line.length > WIDTH ? `${line.slice(0, WIDTH)} …` : line;
}

/** Of a line in JSON, as services log, the message. */
function messageOf(line: string): string {
  if (!line.startsWith('{')) return line;
  try {
    const { message, 'error.message': error } = JSON.parse(line) as { message?: string; 'error.message'?: string };
    return [message, error].filter(Boolean).join(': ') || line;
  } catch {
    return line;
  }
}
