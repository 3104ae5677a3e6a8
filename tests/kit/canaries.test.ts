import { describe, expect, test } from '@jest/globals';
import { redactText } from '../../services/kit/src/redaction.ts';
import { Canaries, kinds } from './canaries.ts';

describe('canaries', () => {
  test('each is known again in any text, by its number, and no other is', () => {
    const canaries = new Canaries();
    const texts = Array.from({ length: 3_000 }, (_, index) => canaries.make(kinds[index % kinds.length]!, `input ${index}`));
    expect(new Set(texts).size).toBe(texts.length);
    for (const [index, text] of texts.entries()) {
      expect(canaries.foundIn(`{"x":"${text.toUpperCase()}"}`)).toEqual([{ kind: kinds[index % kinds.length], input: `input ${index}` }]);
    }
    expect(canaries.foundIn(texts.join(' '))).toHaveLength(texts.length);
    expect(new Canaries().foundIn(texts.join(' '))).toEqual([]);
  });

  test('a card number passes for one', () => {
    const canaries = new Canaries();
    for (let index = 0; index < 50; index++) expect(redactText(canaries.make('card', 'x'))).toBe('[redacted]');
  });
});
