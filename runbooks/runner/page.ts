import { lexer, walkTokens, type Token, type Tokens } from 'marked';
import { type Expectation, NOTHING_EXPECTED, parseExpectation } from './expectation.ts';

/** The sections of a page, in their order. `run` executes those before Undo. */
export const SECTIONS = ['Look', 'Act', 'Check', 'Undo'] as const;
export type SectionName = (typeof SECTIONS)[number];

/** A step of a page: commands, and what they are to say. */
export interface Block {
  /** Line of its first command in the file, counted from 1. */
  readonly line: number;
  readonly source: string;
  readonly expectation: Expectation;
}

export interface Section {
  readonly name: string;
  readonly line: number;
  /** All of it, as it is written. */
  readonly text: string;
  readonly blocks: readonly Block[];
}

/** A variable that a page wants; without `otherwise` it has to be given. */
export interface Need {
  readonly name: string;
  readonly otherwise: string | undefined;
}

export interface Page {
  readonly name: string;
  /** From the project's root. */
  readonly file: string;
  readonly text: string;
  readonly title: string;
  readonly means: string;
  readonly hits: string;
  readonly needs: readonly Need[];
  readonly sections: readonly Section[];
  /** Where links lead, as they are written. */
  readonly links: readonly { readonly line: number; readonly href: string }[];
  /** What could not be read, a line of the file each. */
  readonly faults: readonly Fault[];
}

export interface Fault {
  readonly line: number;
  readonly what: string;
}

/** Reads a page. What is wrong with it is in its faults: a page that has any is not run. */
export function parsePage(name: string, file: string, text: string): Page {
  const faults: Fault[] = [];
  const placed = withLines(text);
  const firstSection = placed.findIndex(({ token }) => isHeading(token, 2));
  const head = firstSection < 0 ? placed : placed.slice(0, firstSection);
  const paragraphs = head.filter(({ token }) => token.type === 'paragraph').map(({ token }) => (token as Tokens.Paragraph).text);
  const opening = paragraphs.find((one) => one.includes('**Means**')) ?? '';
  const [, means = '', hits = ''] = /\*\*Means\*\*:\s*(.*?)\s*\*\*Hits\*\*:\s*(.*)/s.exec(opening) ?? [];
  const title = head.map(({ token }) => token).find((token) => isHeading(token, 1))?.text ?? '';
  for (const { token, line } of head) if (isCommands(token)) faults.push({ line, what: 'commands belong into a section, not before the first' });
  faults.push(...hiddenCommands(placed));
  return {
    name, file, text, title, means, hits, faults,
    needs: needsOf(paragraphs),
    sections: firstSection < 0 ? [] : sectionsOf(placed.slice(firstSection), faults),
    links: linksOf(placed),
  };
}

interface Placed {
  readonly token: Token;
  readonly line: number;
}

/** The parser gives no places; but what its tokens were made of is the text, whole and in order. */
function withLines(text: string): Placed[] {
  let line = 1;
  return lexer(text).map((token) => {
    const placed = { token, line };
    line += token.raw.split('\n').length - 1;
    return placed;
  });
}

function sectionsOf(placed: readonly Placed[], faults: Fault[]): Section[] {
  const sections: { name: string; line: number; text: string; blocks: Block[] }[] = [];
  for (const { token, line } of placed) {
    if (isHeading(token, 2)) {
      sections.push({ name: token.text, line, text: '', blocks: [] });
      continue;
    }
    const section = sections.at(-1);
    if (!section) continue;
    section.text += token.raw;
    if (isCommands(token)) section.blocks.push(blockOf(token, line, faults));
  }
  return sections;
}

function blockOf(token: Tokens.Code, line: number, faults: Fault[]): Block {
  // The parser takes backslashes out of the information string: it is read from what stands there.
  const [opening = ''] = token.raw.split('\n');
  let expectation = NOTHING_EXPECTED;
  try {
    expectation = parseExpectation(opening.replace(/^ {0,3}(`{3,}|~{3,})\s*sh\s*/, ''));
  } catch (error) {
    faults.push({ line, what: (error as Error).message });
  }
  return { line: line + 1, source: token.text, expectation };
}

function needsOf(paragraphs: readonly string[]): Need[] {
  const paragraph = paragraphs.find((one) => one.startsWith('**Needs**')) ?? '';
  return [...paragraph.matchAll(/`([A-Z][A-Z0-9_]*)(?:=([^`]*))?`/g)].map(([, name = '', otherwise]) => ({ name, otherwise }));
}

function linksOf(placed: readonly Placed[]): { line: number; href: string }[] {
  return placed.flatMap(({ token, line }) => {
    const links: { line: number; href: string }[] = [];
    walkTokens([token], (one) => { if (one.type === 'link') links.push({ line, href: String((one as Tokens.Link).href) }); });
    return links;
  });
}

/** A block within a list or a quotation looks like a step to a person, and is none. */
function hiddenCommands(placed: readonly Placed[]): Fault[] {
  return placed.flatMap(({ token, line }) => {
    const faults: Fault[] = [];
    walkTokens([token], (one) => { if (one !== token && isCommands(one)) faults.push({ line, what: 'a block of commands stands at the margin, not within a list or a quotation' }); });
    return faults;
  });
}

function isHeading(token: Token, depth: number): token is Tokens.Heading {
  return token.type === 'heading' && (token as Tokens.Heading).depth === depth;
}

function isCommands(token: Token): token is Tokens.Code {
  return token.type === 'code' && /^sh(\s|$)/.test((token as Tokens.Code).lang ?? '');
}
