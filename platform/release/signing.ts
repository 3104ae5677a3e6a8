import { createPrivateKey, createSign, createVerify, type KeyObject } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

/** Where the repository holds the public halves. */
export const PUBLIC_KEYS = 'platform/release/keys';

/** The private keys of releases: files in a directory that never enters the repository. How they are made: README.md here. */
export interface Keys {
  directory: string;
  /** Of skopeo generate-sigstore-key: signs images. */
  imagesPrivate: string;
  /** ECDSA on P-256, PKCS #8, encrypted: signs files, so that openssl alone can check them. */
  bundlePrivate: string;
  /** Opens both. */
  passphrase: string;
}

export function keysIn(directory: string): Keys {
  return { directory, imagesPrivate: join(directory, 'images.private'), bundlePrivate: join(directory, 'bundle.key'), passphrase: join(directory, 'passphrase') };
}

export function readPrivateKey(keys: Keys): KeyObject {
  return createPrivateKey({ key: readFileSync(keys.bundlePrivate), passphrase: readFileSync(keys.passphrase, 'utf8').replace(/\n$/, '') });
}

/** Writes FILE.sig, as `openssl dgst -sha256 -verify bundle.pub -signature FILE.sig FILE` reads it. */
export async function signFile(file: string, keys: Keys): Promise<string> {
  const signer = createSign('sha256');
  await pipeline(createReadStream(file, { highWaterMark: 1024 ** 2 }), signer);
  await writeFile(`${file}.sig`, signer.sign(readPrivateKey(keys)));
  return `${file}.sig`;
}

/** Throws unless FILE.sig is of this file and this key. */
export async function verifyFile(file: string, publicKey: string): Promise<void> {
  const verifier = createVerify('sha256');
  await pipeline(createReadStream(file, { highWaterMark: 1024 ** 2 }), verifier);
  if (!verifier.verify(await readFile(publicKey), await readFile(`${file}.sig`))) throw new Error(`the signature ${file}.sig is not of ${file} by ${publicKey}`);
}
