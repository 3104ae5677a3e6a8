import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { UserError } from '../errors.ts';
import { readableHere } from './host-files.ts';

/** Everything hangs on it, and whoever has the file can try as long as he likes: a second of work for each guess is all that slows him down. */
const MIN_LENGTH = 12;

/** The passphrase for a new kit: from a file, or asked twice. */
export async function newPassphrase(file: string | undefined): Promise<string> {
  const passphrase = file === undefined ? await askTwice() : await fromFile(file);
  if (passphrase.length < MIN_LENGTH) {
    throw new UserError(`this passphrase has ${passphrase.length} characters; it guards every key of the platform and must have at least ${MIN_LENGTH}. Nothing was written.`, ['Five random words are good, and can be written down:  shuf -n5 /usr/share/dict/words']);
  }
  return passphrase;
}

/** The passphrase of a kit that exists. */
export function knownPassphrase(file: string | undefined): Promise<string> {
  return file === undefined ? ask('Passphrase of the recovery kit: ', '--passphrase-file FILE') : fromFile(file);
}

/** Its first line: an editor's newline at the end is no part of it. */
async function fromFile(file: string): Promise<string> {
  const [line = ''] = (await readFile(readableHere(file), 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new UserError(`the passphrase file ${file} cannot be read (${error.code ?? error.message}).`, [], 2);
  })).split(/\r?\n/);
  if (line === '') throw new UserError(`the first line of the passphrase file ${file} is empty.`, [], 2);
  return line;
}

async function askTwice(): Promise<string> {
  const first = await ask('Passphrase for the recovery kit: ', '--passphrase-file FILE, or --recipient age1…');
  if ((await ask('The same once more: ', '--passphrase-file FILE')) !== first) throw new UserError('the two passphrases differ. Nothing was written.');
  return first;
}

/** Asks at the terminal and shows nothing of the answer. */
async function ask(question: string, otherwise: string): Promise<string> {
  if (!process.stdin.isTTY) throw new UserError('there is no terminal to ask for the passphrase.', [`Say:  ${otherwise}`], 2);
  process.stderr.write(question);
  // The line editor echoes to its output; this one swallows it.
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: process.stdin, output: silent, terminal: true });
  try {
    return await new Promise<string>((resolve, reject) => {
      terminal.once('line', resolve);
      terminal.once('SIGINT', () => reject(new UserError('interrupted. Nothing was written.', [], 130)));
      terminal.once('close', () => reject(new UserError('no passphrase was given. Nothing was written.')));
    });
  } finally {
    terminal.close();
    process.stderr.write('\n');
  }
}
