import { Decrypter, Encrypter } from 'age-encryption';
import { UserError } from '../errors.ts';

/** What a kit is locked with: a passphrase that people keep, or public keys of theirs (`age1…`). */
export type Lock = { readonly passphrase: string } | { readonly recipients: readonly string[] };

/** What opens it: the passphrase, or the lines of an identity file of age (`AGE-SECRET-KEY-…`). */
export type Opener = { readonly passphrase: string } | { readonly identities: readonly string[] };

const AGE_HEADER = 'age-encryption.org/v1\n';

/** The age format, version 1 (https://age-encryption.org/v1): `age -d FILE` opens it, too, on a machine that has nothing of ours. */
export async function lock(plain: Buffer, how: Lock): Promise<Buffer> {
  const encrypter = new Encrypter();
  if ('passphrase' in how) encrypter.setPassphrase(how.passphrase);
  else for (const recipient of how.recipients) addRecipient(encrypter, recipient);
  return Buffer.from(await encrypter.encrypt(plain));
}

/** Throws a UserError that says which of the two it is: the wrong key, or a damaged file. */
export async function unlock(locked: Buffer, opener: Opener, name: string): Promise<Buffer> {
  if (!locked.subarray(0, AGE_HEADER.length).equals(Buffer.from(AGE_HEADER))) {
    throw new UserError(`${name} is no recovery kit, or its beginning is damaged: it does not begin as a file of age does.`, ['Use another copy of the kit.']);
  }
  const decrypter = new Decrypter();
  if ('passphrase' in opener) decrypter.addPassphrase(opener.passphrase);
  else for (const identity of opener.identities) addIdentity(decrypter, identity);
  try {
    return Buffer.from(await decrypter.decrypt(locked));
  } catch (error) {
    throw whyNot(error as Error, opener, name);
  }
}

/** The library tells its failures apart by their text alone. Only this one means that the key does not fit: all others, that the bytes are not those that were written. */
function whyNot(error: Error, opener: Opener, name: string): UserError {
  if (error.message.includes('no identity matched')) {
    return 'passphrase' in opener
      ? new UserError(`this passphrase does not open ${name}.`, ['Look for the passphrase of this very kit: another kit may have another.', 'Was it made for a key (--recipient)?  Say --identity-file FILE'])
      : new UserError(`none of these identities opens ${name}.`, ['Was it made with a passphrase?  Leave --identity-file out']);
  }
  return new UserError(`${name} is damaged: ${error.message}.`, ['Use another copy of the kit.']);
}

function addRecipient(encrypter: Encrypter, recipient: string): void {
  try {
    encrypter.addRecipient(recipient);
  } catch {
    throw new UserError(`"${recipient}" is no public key of age.`, ['One looks like:  age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p', 'Make a pair:     age-keygen -o identity.txt'], 2);
  }
}

function addIdentity(decrypter: Decrypter, identity: string): void {
  try {
    decrypter.addIdentity(identity);
  } catch {
    throw new UserError('the identity file has a line that is no secret key of age (AGE-SECRET-KEY-…).', [], 2);
  }
}
