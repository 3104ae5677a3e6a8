import { createProgram } from '../../platform/cli/program.ts';
import { faultOfWords } from '../../platform/cli/command-line.ts';
import { faultsOf } from './lint.ts';
import { allPages } from './pages.ts';

/** Holds every page against the grammar and the commands that there are, for CI. Prints each fault with its place; exits 1 if there is one. */
const program = await createProgram();
const pages = allPages();
const faults = pages.flatMap((page) => faultsOf(page, (words) => faultOfWords(program, words)).map(({ line, what }) => `${page.file}:${line}: ${what}`));
for (const fault of faults) console.error(fault);
if (faults.length > 0) process.exit(1);
console.log(`${pages.length} pages hold the grammar`);
