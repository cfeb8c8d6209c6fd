/** Private certificate authorities and client certificates of one host, from the directories container tools use. */
import { X509Certificate } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates } from 'node:tls';
import { UsageError } from '../../errors.ts';
import { readBoundedSync } from '../files/read-file.ts';
import { systemCode } from '../files/system-errors.ts';
import type { Environment } from './proxy.ts';

/** Bytes of one certificate or key file. */
const MAX_PEM_BYTES = 4 * 1024 * 1024;
const SYSTEM_DIRECTORIES = ['/etc/containers/certs.d', '/etc/docker/certs.d'];

/** What a TLS connection to one host trusts and shows, in PEM. */
export interface TlsFiles {
  readonly ca: readonly string[];
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

/** Where to look beside the standard directories. */
export interface TlsFileOptions {
  /** A PEM file with certificate authorities to trust beside the system's. */
  readonly caFile?: string | undefined;
  readonly environment: Environment;
  /** Replaces the standard directories. */
  readonly certsDirectories?: readonly string[] | undefined;
}

/**
 * Reads `certs.d/<host[:port]>/` (`*.crt` are authorities, `*.cert` with `*.key` of the same name the client's pair);
 * the port must be written exactly as in the reference. The first directory that has the host wins.
 * @throws UsageError `USAGE` when a named file cannot be read or a pair is incomplete.
 * @see https://github.com/containers/image/blob/main/docs/containers-certs.d.5.md
 */
export function readTlsFiles(host: string, options: TlsFileOptions): TlsFiles {
  const found = certsDirectories(options)
    .map((directory) => readHostDirectory(join(directory, host)))
    .find((files) => files !== undefined);
  const authorities = [
    ...(options.caFile === undefined ? [] : [readAuthorities(options.caFile)]),
    ...(found?.ca ?? []),
  ];
  return { ca: trusted(authorities), cert: found?.cert, key: found?.key };
}

/** The authorities everybody trusts (Node's, the system's) and ours. */
function trusted(authorities: readonly string[]): readonly string[] {
  return [...new Set([...getCACertificates('default'), ...getCACertificates('system'), ...authorities])];
}

function certsDirectories({ environment, certsDirectories }: TlsFileOptions): readonly string[] {
  if (certsDirectories !== undefined) return certsDirectories;
  const home = environment['HOME'] ?? homedir();
  return [join(home, '.config/containers/certs.d'), ...SYSTEM_DIRECTORIES];
}

function readHostDirectory(directory: string): TlsFiles | undefined {
  let names: readonly string[];
  try {
    names = readdirSync(directory).sort();
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw unreadable(directory, error);
  }
  const ca = names.filter((name) => name.endsWith('.crt')).map((name) => readAuthorities(join(directory, name)));
  const certName = names.find((name) => name.endsWith('.cert'));
  const keyName = names.find((name) => name.endsWith('.key'));
  if (certName === undefined && keyName === undefined) return { ca, cert: undefined, key: undefined };
  const pair = (certName ?? keyName ?? '').replace(/\.[^.]+$/, '');
  if (!names.includes(`${pair}.cert`) || !names.includes(`${pair}.key`)) {
    throw new UsageError('USAGE', `${directory} has ${certName ?? keyName} without the other half of the pair`, {
      hint: `a client certificate is ${pair}.cert with its key in ${pair}.key; authorities end in .crt`,
    });
  }
  return { ca, cert: readPem(join(directory, `${pair}.cert`)), key: readPem(join(directory, `${pair}.key`)) };
}

const CERTIFICATES = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]*-----END [^-]*-----/g;

/** PEM with at least one certificate, each of which can be read: what is not would be left out without a word. */
function readAuthorities(path: string): string {
  const text = readPem(path);
  const certificates = text.match(CERTIFICATES) ?? [];
  if (certificates.length === 0) {
    throw new UsageError('USAGE', `${path} holds no certificate`, {
      hint: 'an authority is a certificate in PEM: -----BEGIN CERTIFICATE-----',
    });
  }
  for (const [index, certificate] of certificates.entries()) {
    try {
      void new X509Certificate(certificate);
    } catch (cause) {
      throw new UsageError('USAGE', `certificate ${index + 1} in ${path} cannot be read`, {
        cause,
        hint: 'export it again from where it was made',
      });
    }
  }
  return text;
}

/**
 * Makes sure that a file of authorities somebody named is one, even where no connection comes to need it.
 * @throws UsageError `USAGE`
 */
export function assertCaFile(path: string | undefined): void {
  if (path !== undefined) readAuthorities(path);
}

/**
 * The certificates of a file in PEM, and nothing else that may be in it, such as a key.
 * @throws UsageError `USAGE` where there is none, or one of them cannot be read
 */
export function readCertificates(path: string): string {
  return (readAuthorities(path).match(CERTIFICATES) ?? []).map((certificate) => `${certificate}\n`).join('');
}

function readPem(path: string): string {
  let text: string;
  try {
    text = readBoundedSync(path, { what: 'a certificate or key', limit: MAX_PEM_BYTES }).toString('utf8');
  } catch (error) {
    throw unreadable(path, error);
  }
  if (!text.includes('-----BEGIN ')) {
    throw new UsageError('USAGE', `${path} is not a PEM file`, { hint: 'certificates and keys are read as PEM' });
  }
  return text;
}

function unreadable(path: string, cause: unknown): UsageError {
  const why = cause instanceof Error ? cause.message : 'unknown error';
  return new UsageError('USAGE', `cannot read ${path}: ${why}`, { cause, hint: 'check the path and its permissions' });
}

function isAbsent(error: unknown): boolean {
  const code = systemCode(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}
