/**
 * Looks into the commands of a block, as far as a page may go: what is run with which words, and which variables are read and assigned. It is no shell:
 * what it does not understand it refuses, and the author writes it more plainly.
 */
export interface Command {
  /** Words without their quotes; what the shell would put in stands there as it is written. */
  readonly words: readonly string[];
}

export interface Look {
  readonly commands: readonly Command[];
  /** In capitals, in the order in which they stand there. */
  readonly reads: readonly string[];
  readonly assigns: readonly string[];
}

/** What may be called beside ./holdfast: there on any Debian, in the toolbox as on the host, and in bash itself. */
export const KNOWN_TOOLS: ReadonlySet<string> = new Set([
  'docker', 'awk', 'base64', 'basename', 'cat', 'chmod', 'cp', 'cut', 'date', 'df', 'diff', 'dirname', 'du', 'find', 'grep', 'head', 'ls', 'mkdir', 'mktemp', 'mv', 'readlink', 'rm', 'sed', 'seq',
  'sha256sum', 'sort', 'stat', 'tail', 'tar', 'tee', 'touch', 'tr', 'uniq', 'wc', 'xargs', 'cd', 'echo', 'export', 'false', 'printf', 'read', 'set', 'test', '[', 'true', 'unset',
]);

/** Words that begin a command, and are none. */
const RESERVED = new Set(['if', 'then', 'elif', 'else', 'fi', 'do', 'done', 'while', 'until', '!', '{', '}', 'time']);

export function look(source: string): Look {
  return new Scanner(source).all();
}

class Scanner {
  private readonly source: string;
  private at = 0;
  private readonly commands: Command[] = [];
  private readonly reads: string[] = [];
  private readonly assigns: string[] = [];

  constructor(source: string) {
    this.source = source;
  }

  all(): Look {
    this.list('');
    return { commands: this.commands, reads: this.reads, assigns: this.assigns };
  }

  /** Commands up to the end, or to what closes a substitution. */
  private list(close: string): void {
    let words: string[] = [];
    const end = (): void => {
      this.command(words);
      words = [];
    };
    while (this.at < this.source.length) {
      const rest = this.source.slice(this.at);
      const space = /^(?:[ \t]|\\\n)+/.exec(rest)?.[0];
      const separator = /^(?:&&|\|\||[;|&\n(])/.exec(rest)?.[0];
      const redirection = /^\d?(?:>>|>&|<&|>|<)[ \t]*/.exec(rest)?.[0];
      if (close !== '' && rest.startsWith(close)) {
        this.at += close.length;
        return end();
      }
      if (rest.startsWith('<<')) throw new Error('a here-document cannot be looked into: write the file by printf');
      if (space !== undefined) this.at += space.length;
      else if (rest.startsWith('#')) this.at += /^[^\n]*/.exec(rest)?.[0].length ?? 0;
      else if (redirection !== undefined) {
        this.at += redirection.length;
        this.word();
      } else if (separator !== undefined || rest.startsWith(')')) {
        this.at += separator?.length ?? 1;
        end();
      } else words.push(this.word());
    }
    if (close !== '') throw new Error(`a ${close} is missing`);
    end();
  }

  private command(words: readonly string[]): void {
    let rest = words;
    for (;;) {
      const [first] = rest;
      if (first === undefined) return;
      if (first === 'for') return;
      if (first === 'case') throw new Error('a case cannot be looked into: write it more plainly');
      const assigned = /^([A-Za-z_][A-Za-z0-9_]*)=/.exec(first)?.[1];
      if (assigned !== undefined) this.assigns.push(assigned);
      else if (!RESERVED.has(first)) break;
      rest = rest.slice(1);
    }
    this.commands.push({ words: rest });
  }

  private word(): string {
    let word = '';
    while (this.at < this.source.length) {
      const one = this.source[this.at] as string;
      if (/[\s;|&<>()]/.test(one)) break;
      this.at++;
      if (one === '\\') word += this.source[this.at++] ?? '';
      else if (one === "'") word += this.upTo("'");
      else if (one === '"') word += this.quoted();
      else if (one === '$') word += this.expansion();
      else if (one === '`') throw new Error('write $(…) in the place of backticks');
      else word += one;
    }
    return word;
  }

  private quoted(): string {
    let word = '';
    while (this.at < this.source.length) {
      const one = this.source[this.at++] as string;
      if (one === '"') return word;
      if (one === '\\') word += this.source[this.at++] ?? '';
      else word += one === '$' ? this.expansion() : one;
    }
    throw new Error('a " is missing');
  }

  /** What stands behind a dollar. */
  private expansion(): string {
    const rest = this.source.slice(this.at);
    if (rest.startsWith('((')) throw new Error('arithmetic cannot be looked into: write it more plainly');
    if (rest.startsWith('(')) {
      this.at++;
      this.list(')');
      return '$()';
    }
    const name = /^\{?([A-Za-z_][A-Za-z0-9_]*)/.exec(rest)?.[1];
    if (name !== undefined && name === name.toUpperCase()) this.reads.push(name);
    const whole = rest.startsWith('{') ? /^\{[^}]*\}/.exec(rest)?.[0] : (name ?? rest.slice(0, 1));
    if (whole === undefined) throw new Error('a } is missing');
    this.at += whole.length;
    return `$${whole}`;
  }

  private upTo(end: string): string {
    const place = this.source.indexOf(end, this.at);
    if (place < 0) throw new Error(`a ${end} is missing`);
    const text = this.source.slice(this.at, place);
    this.at = place + 1;
    return text;
  }
}
