const REDACTED = '[redacted]';

/** Where a field is called so, its value is a secret whatever it looks like. */
const secretName = /authorization|password|passwd|token|secret|cookie|credential|api[-_.]?key|private[-_.]?key/i;

/** None of the patterns below fits a text without one of these: most fields of most lines, which are done with at the cost of this one look. */
const suspicious = /[@=]|%40|eyJ|\d[\d -]{11}|[A-Z]{2}\d\d|"\s*:|[Bb]earer|[Bb]asic|PRIVATE KEY|not valid JSON/;

const privateKey = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g;
const scheme = /\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]+/gi;
const jwt = /\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?/g;
const inUrl = /\b([a-z][a-z0-9+.-]{1,20}:\/\/)[^\s/?#@"']+@/gi;
// `password=x`, `"password":"x"`, and the like in a query string. Not `password: x`: that is how people write about one.
const named = /((?:password|passwd|secret|token|api[-_.]?key|cookie|credential|authorization|private[-_.]?key|[?&]code)["']?\s*(?:=\s*|:\s*(?=["'])))("(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|[^\s"'&,;)]+)/gi;
// V8 quotes what it could not parse, and as much around it as it likes.
const unparsed = /(?:\.\.\.)?"[\s\S]*"(?:\.\.\.)? is not valid JSON/g;
const email = /(?<![\p{L}\p{N}._%+-])[\p{L}\p{N}._%+-]+(?:@|%40)[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)*\.\p{L}{2,}/gu;
// Nothing inside of a UUID or a hash, whose digits have letters and hyphens for neighbours; in a URL, a neighbour may be an escaped character.
const digitsApart = /(?:(?<![A-Za-z0-9%-])|(?<=%[0-9A-Fa-f]{2}))\d[\d -]{11,}\d(?![A-Za-z0-9-])/g;
const digitsOfUuid = /^\d{8}-(?:\d{4}-){3}\d{12}$/;
const ibanLike = /(?<![A-Za-z0-9-])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9-])/g;

/**
 * Takes out of a text what must never reach a log: credentials by their form or their name, e-mail addresses, and digits that pass for the number of a card
 * (Luhn) or of a bank account (ISO 13616). A secret without a form, or a person's name, cannot be known by its looks: whoever logs a text answers for that.
 */
export function redactText(value: string): string {
  if (!suspicious.test(value)) return value;
  return (value.includes(' is not valid JSON') ? value.replace(unparsed, `"${REDACTED}" is not valid JSON`) : value)
    .replace(privateKey, REDACTED)
    .replace(scheme, `$1 ${REDACTED}`)
    .replace(jwt, REDACTED)
    .replace(inUrl, `$1${REDACTED}@`)
    .replace(named, `$1${REDACTED}`)
    .replace(email, REDACTED)
    .replace(digitsApart, withoutCards)
    .replace(ibanLike, (number) => (passesIban(number.replaceAll(' ', '')) ? REDACTED : number));
}

/** The same for a value of any depth; a field whose name speaks of a secret loses its value altogether. Numbers stay: amounts and positions are no texts. */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Error) return { 'type': value.name, 'message': errorText(value, value.message) };
  if (typeof value !== 'object' || value === null) return value;
  if (depth > 5) return '[deeper]';
  if (Array.isArray(value)) return value.slice(0, 100).map((item) => redact(item, depth + 1));
  return Object.fromEntries(
    // Names of the outermost fields are ours; below, they may be a client's.
    Object.entries(value).map(([name, inner]) => [depth === 0 ? name : redactText(name), secretName.test(name) ? REDACTED : redact(inner, depth + 1)]),
  );
}

/** Message or stack of an error. Of Postgres' data exceptions (class 22, such as `invalid input syntax for type uuid: "..."`) the message quotes a value. */
export function errorText(cause: Error, text: string): string {
  const code = (cause as { code?: unknown }).code;
  if (typeof code !== 'string' || !/^22[0-9A-Z]{3}$/.test(code) || cause.message === '') return redactText(text);
  const message = cause.message.replace(/"[\s\S]*"/, `"${REDACTED}"`);
  return redactText(text.replaceAll(cause.message, () => message));
}

/**
 * Card numbers (ISO 7812) among digits that are in one piece, or in pieces of three and more, so that a date with the time behind it is none. Those of today begin
 * with 2 to 9; what begins with 1 is an instant in milli-, micro- or nanoseconds.
 */
function withoutCards(run: string): string {
  if (digitsOfUuid.test(run)) return run;
  const pieces = run.split(/([ -])/);
  for (let first = 0; first < pieces.length; first += 2) {
    for (let last = first, digits = ''; last < pieces.length && digits.length <= 19; last += 2) {
      const piece = pieces[last] ?? '';
      if (piece.length < 3) break;
      digits += piece;
      if (!/^[2-9]\d{12,18}$/.test(digits) || !passesLuhn(digits)) continue;
      return `${pieces.slice(0, first).join('')}${REDACTED}${withoutCards(pieces.slice(last + 1).join(''))}`;
    }
  }
  return run;
}

function passesLuhn(digits: string): boolean {
  let sum = 0;
  for (let index = 0; index < digits.length; index++) {
    const digit = Number(digits[digits.length - 1 - index]);
    const weighted = index % 2 === 1 ? digit * 2 : digit;
    sum += weighted > 9 ? weighted - 9 : weighted;
  }
  return sum % 10 === 0;
}

/** ISO 13616: with the country and the check digits behind, and letters as 10 to 35, the remainder by 97 is 1. */
function passesIban(number: string): boolean {
  if (number.length < 15 || number.length > 34) return false;
  let remainder = 0;
  for (const character of number.slice(4) + number.slice(0, 4)) {
    for (const digit of Number.parseInt(character, 36).toString()) remainder = (remainder * 10 + Number(digit)) % 97;
  }
  return remainder === 1;
}
