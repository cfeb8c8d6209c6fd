/** Fulcio, its certificate log and Rekor on loopback, with the trusted root that pins them. */
import { createHash, generateKeyPairSync } from 'node:crypto';
import type { Bundle } from '@sigstore/bundle';
import { fulcioHandler, initializeCA, initializeCTLog, initializeTLog } from '@sigstore/mock';
import { DSSEBundleBuilder, FulcioSigner, MessageSignatureBundleBuilder, RekorWitness } from '@sigstore/sign';
import type { PinnedTrustedRoot } from '../../src/trust/signatures/pinned-root-schema.ts';
import type { KeyPair } from '../../src/trust/keys/public-key.ts';
import { drain, startScriptedServer, type Asked } from './scripted-server.ts';

/** Whom the tokens of {@link SigningServices.token} name unless told otherwise. */
export const WORKFLOW = 'https://ci.example/acme/app/.github/workflows/release.yml@refs/tags/v1';
export const ISSUER = 'https://issuer.example';

/** The services of one test. */
export interface SigningServices extends AsyncDisposable {
  /** Of Fulcio and Rekor both. */
  readonly url: string;
  /** Pins them all, in canonical form. */
  readonly trustedRoot: PinnedTrustedRoot;
  readonly asked: readonly Asked[];
  /** An OpenID Connect token that this Fulcio believes. */
  token(claims?: Claims): string;
  /** A bundle over the data, as stock Sigstore tools make it: version 0.2, with a chain. */
  sign(data: Uint8Array, claims?: Claims): Promise<Bundle>;
  /** A bundle around a DSSE envelope. */
  attest(payload: Uint8Array, payloadType: string, claims?: Claims): Promise<Bundle>;
}

/** Of a token, in place of the usual ones. */
export type Claims = Readonly<Record<string, unknown>>;

/** What a service does instead of its work. */
export type Misbehaviour = 'refuses' | 'garbles' | 'hangs' | 'redirects';

/** Starts them. Each path may misbehave. */
export async function startSigningServices(
  misbehave: Readonly<Record<string, Misbehaviour | undefined>> = {},
): Promise<SigningServices> {
  const certificateLog = await initializeCTLog(newPair());
  const authority = await initializeCA(newPair(), certificateLog);
  const fulcio = fulcioHandler(authority);
  const server = await startScriptedServer(async (request, response) => {
    const path = request.url ?? '';
    const body = await drain(request);
    const fault = misbehave[path];
    if (fault === 'hangs') return;
    if (fault === 'refuses') return void response.writeHead(403, JSON_TYPE).end('{"message":"not with this token"}');
    if (fault === 'garbles') return void response.writeHead(201, JSON_TYPE).end('{"signedCertificateEmbeddedSct":{}}');
    if (fault === 'redirects') return void response.writeHead(307, { location: 'http://127.0.0.1:9/' }).end();
    if (path === REKOR_PATH) {
      const entry = (await log.log(canonicalEntry(JSON.parse(body.toString()) as ProposedEntry))) as object;
      // cosign finds its entry by the tag of the answer.
      const headers = { ...JSON_TYPE, etag: Object.keys(entry)[0] ?? '' };
      return void response.writeHead(201, headers).end(JSON.stringify(entry));
    }
    if (path !== fulcio.path) return void response.writeHead(404).end();
    const answer = await fulcio.fn(withCredentials(body, request.headers.authorization));
    const content = typeof answer.response === 'string' ? answer.response : bytesOf(answer.response);
    // The real one says 200, and cosign insists on it.
    const status = answer.statusCode === 201 ? 200 : answer.statusCode;
    response.writeHead(status, { 'content-type': answer.contentType ?? 'text/plain' }).end(content);
  });
  const url = `http://${server.host}`;
  const log = await initializeTLog(url, newPair());
  const root: PinnedTrustedRoot = {
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [logOf(url, log.publicKey)],
    certificateAuthorities: [authorityOf(url, authority.rootCertificate)],
    ctlogs: [logOf(`${url}/ct`, certificateLog.publicKey)],
  };
  const token = (claims: Claims = {}): string =>
    encodeToken({ iss: ISSUER, sub: WORKFLOW, aud: 'sigstore', exp: inAnHour(), ...claims });
  const parts = (claims?: Claims): { signer: FulcioSigner; witnesses: RekorWitness[] } => ({
    signer: new FulcioSigner({ fulcioBaseURL: url, identityProvider: { getToken: async () => token(claims) } }),
    witnesses: [new RekorWitness({ rekorBaseURL: url })],
  });
  return {
    url,
    trustedRoot: root,
    asked: server.asked,
    token,
    sign: (data, claims) => new MessageSignatureBundleBuilder(parts(claims)).create({ data: Buffer.from(data) }),
    attest: (payload, type, claims) =>
      new DSSEBundleBuilder(parts(claims)).create({ data: Buffer.from(payload), type }),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

const REKOR_PATH = '/api/v1/log/entries';
const JSON_TYPE = { 'content-type': 'application/json' };

/** cosign sends its token as a header, others in the request itself, where this Fulcio looks. */
function withCredentials(body: Buffer, authorization: string | undefined): string {
  if (authorization === undefined) return body.toString();
  const oidcIdentityToken = authorization.replace('Bearer ', '');
  return JSON.stringify({ credentials: { oidcIdentityToken }, ...(JSON.parse(body.toString()) as object) });
}

function newPair(): KeyPair {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

/** A token without a signature that anybody could check, as these services do not. */
export function encodeToken(claims: Claims): string {
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${encode({ alg: 'none' })}.${encode(claims)}.c2VjcmV0`;
}

function inAnHour(): number {
  return Math.floor(Date.now() / 1000) + 3600;
}

function logOf(baseUrl: string, publicKey: Buffer): NonNullable<PinnedTrustedRoot['tlogs']>[number] {
  const rawBytes = publicKey.toString('base64');
  return {
    baseUrl,
    hashAlgorithm: 'SHA2_256',
    publicKey: { rawBytes, keyDetails: 'PKIX_ECDSA_P256_SHA_256', validFor: { start: anHourAgo() } },
    logId: { keyId: createHash('sha256').update(publicKey).digest('base64') },
  };
}

function authorityOf(
  uri: string,
  ...certificates: readonly ArrayBufferView[]
): NonNullable<PinnedTrustedRoot['certificateAuthorities']>[number] {
  return {
    subject: { organization: 'sigstore.mock', commonName: 'sigstore' },
    uri,
    certChain: {
      certificates: certificates.map((certificate) => ({ rawBytes: bytesOf(certificate).toString('base64') })),
    },
    validFor: { start: anHourAgo() },
  };
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Buffer {
  return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
}

function anHourAgo(): string {
  return new Date(Date.now() - 3_600_000).toISOString();
}

interface ProposedEntry {
  readonly kind: string;
  readonly apiVersion: string;
  readonly spec: {
    readonly proposedContent?: { readonly envelope: string; readonly verifiers: readonly string[] };
  };
}

/** What Rekor logs of a proposed DSSE entry: digests and signatures, not the envelope. */
function canonicalEntry(entry: ProposedEntry): object {
  const { proposedContent } = entry.spec;
  if (proposedContent === undefined) return entry;
  const { envelope, verifiers } = proposedContent;
  const { payload, signatures } = JSON.parse(envelope) as {
    readonly payload: string;
    readonly signatures: readonly { readonly sig: string }[];
  };
  const digestOf = (bytes: string | Buffer): { algorithm: string; value: string } => ({
    algorithm: 'sha256',
    value: createHash('sha256').update(bytes).digest('hex'),
  });
  return {
    apiVersion: entry.apiVersion,
    kind: entry.kind,
    spec: {
      envelopeHash: digestOf(envelope),
      payloadHash: digestOf(Buffer.from(payload, 'base64')),
      signatures: signatures.map(({ sig }, index) => ({ signature: sig, verifier: verifiers[index] })),
    },
  };
}
