import { randomBytes, randomInt } from 'node:crypto';

export const kinds = ['secret', 'token', 'card', 'address', 'name'] as const;
export type Kind = (typeof kinds)[number];

/** Something that should never be found again, and where it was put. */
export interface Canary {
  readonly kind: Kind;
  readonly input: string;
}

const LETTERS = 'abcdefghijklmnopqrstuvwxyz';
const STEM_LETTERS = 9;
const CODE_LETTERS = 4;
const CODE_DIGITS = 6;

/**
 * Makes texts such as people put where they do not belong, no two the same, and knows each again in whatever it stands: all have a beginning of this run, and a number.
 */
export class Canaries {
  private readonly planted: Canary[] = [];
  private readonly stem = Array.from({ length: STEM_LETTERS }, () => LETTERS.charAt(randomInt(LETTERS.length))).join('');
  private readonly cardStem = `4${String(randomInt(10 ** 8)).padStart(8, '0')}`;
  private readonly pattern = new RegExp(`${this.stem}([a-z]{${CODE_LETTERS}})|${this.cardStem}(\\d{${CODE_DIGITS}})`, 'gi');

  get count(): number {
    return this.planted.length;
  }

  make(kind: Kind, input: string): string {
    const number = this.planted.push({ kind, input }) - 1;
    const word = this.stem + lettersOf(number);
    switch (kind) {
      case 'secret': return `sk_live_${word}${randomBytes(6).toString('hex')}7`;
      case 'token': return `eyJhbGciOiJSUzI1NiJ9.eyJ${word}0MSIs.${randomBytes(12).toString('base64url')}`;
      case 'card': return withCheckDigit(this.cardStem + String(number).padStart(CODE_DIGITS, '0'));
      case 'address': return `${word}@example.org`;
      case 'name': return word.charAt(0).toUpperCase() + word.slice(1);
    }
  }

  /** All that stand in a text, each once. */
  foundIn(text: string): Canary[] {
    const numbers = new Set([...text.matchAll(this.pattern)].map(([, letters, digits]) => (letters === undefined ? Number(digits) : numberOf(letters.toLowerCase()))));
    return [...numbers].map((number) => this.planted[number]).filter((canary) => canary !== undefined);
  }
}

function lettersOf(number: number): string {
  let letters = '';
  for (let rest = number; letters.length < CODE_LETTERS; rest = Math.floor(rest / LETTERS.length)) letters = LETTERS.charAt(rest % LETTERS.length) + letters;
  return letters;
}

function numberOf(letters: string): number {
  return [...letters].reduce((number, letter) => number * LETTERS.length + LETTERS.indexOf(letter), 0);
}

/** ISO 7812: the digit behind makes it pass for the number of a card. */
function withCheckDigit(digits: string): string {
  const sum = [...digits].reverse().reduce((total, digit, index) => {
    const weighted = Number(digit) * (index % 2 === 0 ? 2 : 1);
    return total + (weighted > 9 ? weighted - 9 : weighted);
  }, 0);
  return digits + String((10 - (sum % 10)) % 10);
}
