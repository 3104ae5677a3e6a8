import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../../platform/cli/errors.ts';
import { PROJECT } from '../../platform/cli/versions.ts';
import { parsePage, type Page } from './page.ts';

/** The rooms of pages, in the order in which people are told of them. */
export const KINDS = ['procedures', 'alerts'] as const;

/** All pages. */
export function allPages(): Page[] {
  return KINDS.flatMap((kind) => filesOf(kind).map((file) => readPage(join('runbooks', kind, file))));
}

/** A page by its name, or by its name with its room where both rooms have one: `alerts/DiskFull`. */
export function pageNamed(name: string): Page {
  const wanted = name.replace(/^runbooks\//, '').replace(/\.md$/, '');
  const page = allPages().find((one) => one.name === wanted || one.file === `runbooks/${wanted}.md`);
  if (!page) throw new UserError(`there is no page "${name}".`, [`Pages:  ./holdfast runbook list`], 2);
  return page;
}

function readPage(file: string): Page {
  return parsePage(file.replace(/^.*\//, '').replace(/\.md$/, ''), file, readFileSync(join(PROJECT, file), 'utf8'));
}

function filesOf(kind: string): string[] {
  const directory = join(PROJECT, 'runbooks', kind);
  return existsSync(directory) ? readdirSync(directory).filter((file) => file.endsWith('.md') && file !== 'README.md').toSorted() : [];
}
