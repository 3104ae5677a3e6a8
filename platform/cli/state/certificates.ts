import 'reflect-metadata'; // Needed by @peculiar/x509's dependency injection, before it.
import * as x509 from '@peculiar/x509';
import { randomBytes, type webcrypto } from 'node:crypto';

const { subtle } = globalThis.crypto;
const CURVE = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 86_400_000;
const AUTHORITY_DAYS = 3650;
const LEAF_DAYS = 730;
/** Certificates start a little in the past, so that a machine whose clock lags by minutes still accepts them. */
const BACKDATE_MS = 3_600_000;

x509.cryptoProvider.set(globalThis.crypto);

export interface Authority {
  certificate: x509.X509Certificate;
  key: webcrypto.CryptoKey;
}

/** One leaf in every encoding that some component insists on. */
export interface Leaf {
  /** PEM certificate. */
  certificatePem: string;
  /** PEM private key, PKCS #8, not encrypted: the file's mode and owner protect it. */
  keyPem: string;
  /** The private key as PKCS #8 DER, for the Postgres driver of Java. */
  keyDer: Buffer;
}

export async function createAuthority(): Promise<Authority> {
  const keys = await subtle.generateKey(CURVE, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: 'CN=Holdfast private CA',
    ...validity(AUTHORITY_DAYS),
    signingAlgorithm: CURVE,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate, key: keys.privateKey };
}

export async function readAuthority(certificatePem: string, keyPem: string): Promise<Authority> {
  const der = Buffer.from(x509.PemConverter.decodeFirst(keyPem));
  return {
    certificate: new x509.X509Certificate(certificatePem),
    key: await subtle.importKey('pkcs8', der, CURVE, true, ['sign']),
  };
}

/**
 * Issues a leaf for server and client authentication.
 * `names` become DNS names (or IP addresses, where they look like one); the first is the common name.
 */
export async function issueLeaf(authority: Authority, names: readonly [string, ...string[]], days = LEAF_DAYS): Promise<Leaf> {
  const keys = await subtle.generateKey(CURVE, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: `CN=${names[0]}`,
    issuer: authority.certificate.subject,
    ...validity(days),
    signingAlgorithm: CURVE,
    publicKey: keys.publicKey,
    signingKey: authority.key,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
      new x509.SubjectAlternativeNameExtension(names.map((name) => ({ type: isAddress(name) ? 'ip' : 'dns', value: name }))),
      await x509.AuthorityKeyIdentifierExtension.create(authority.certificate),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return {
    certificatePem: pem(certificate.toString('pem')),
    keyPem: await privateKeyPem(keys.privateKey),
    keyDer: Buffer.from(await subtle.exportKey('pkcs8', keys.privateKey)),
  };
}

export async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  return pem(x509.PemConverter.encode(await subtle.exportKey('pkcs8', key), 'PRIVATE KEY'));
}

export function certificatePem(certificate: x509.X509Certificate): string {
  return pem(certificate.toString('pem'));
}

/** Names and last valid instant of a PEM certificate. */
export function describeCertificate(certificate: string): { names: string[]; notAfter: Date } {
  const parsed = new x509.X509Certificate(certificate);
  const alternative = parsed.getExtension(x509.SubjectAlternativeNameExtension);
  return { names: alternative?.names.items.map((name) => name.value) ?? [], notAfter: parsed.notAfter };
}

function validity(days: number): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - BACKDATE_MS), notAfter: new Date(now + days * DAY_MS) };
}

/** A positive 16-byte serial: the first bit is cleared, as X.509 serials are signed integers. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes.writeUInt8((bytes.readUInt8(0) & 0x7f) | 0x40, 0);
  return bytes.toString('hex');
}

function isAddress(name: string): boolean {
  return /^\d+\.\d+\.\d+\.\d+$/.test(name) || name.includes(':');
}

function pem(text: string): string {
  return text.trimEnd() + '\n';
}
