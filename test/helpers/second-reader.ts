/**
 * A second reader of archives, written from docs/format.md alone: it shares no code with the product, so that what both
 * say of an archive is said by the page between them. Holds the whole file in memory; for tests.
 */
import { createHash, verify, type KeyObject } from 'node:crypto';
import { findInventory, readInventory } from './second-reader-inventory.ts';
import { dividePartial, layOutDelta } from './second-reader-delta.ts';
import { compareGraph } from './second-reader-graph.ts';
import { canonical, readMaterial } from './second-reader-bundle.ts';

export interface Sized {
  readonly digest: string;
  readonly size: number;
}
/** A manifest as an image or an index names it. */
export interface Naming {
  readonly digest: string;
  readonly platform?: string;
}
interface Manifest extends Sized {
  readonly mediaType: string;
  readonly manifests?: readonly Naming[];
  readonly config?: string;
  readonly layers?: readonly string[];
}

/** What of `release.json` decides where bytes stand. */
export interface Release {
  readonly name: string;
  readonly version: string;
  readonly channel: string;
  readonly platforms: readonly string[];
  readonly created: string;
  readonly checksums?: 'files';
  readonly components: readonly {
    readonly name: string;
    readonly images: readonly string[];
    readonly files: readonly string[];
  }[];
  readonly files: readonly (Sized & { readonly path: string })[];
  readonly slots: readonly { readonly path: string; readonly size: number }[];
  readonly images: readonly {
    readonly reference: string;
    readonly digest: string;
    readonly platform?: string;
    readonly indexMode?: string;
    readonly evidence?: readonly {
      readonly digest: string;
      readonly subject: string;
      readonly kind: string;
      readonly tag?: string;
    }[];
  }[];
  readonly manifests: readonly Manifest[];
  readonly blobs: readonly (Sized & { readonly mediaType: string })[];
}

/** A stretch of the archive: known bytes, content with a known digest, or an open member named by its path. */
export type Piece =
  { readonly bytes: Buffer } | (Sized & { readonly bytes?: never }) | { readonly open: string; readonly size: number };

/** A member of the archive and what it is made of, without header and padding. */
export interface LaidOutMember {
  readonly path: string;
  readonly size: number;
  readonly pieces: readonly Piece[];
}

/** Throws unless it holds. */
export type Insist = (holds: boolean, what: string) => void;

const hexOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const sizeOf = (piece: Piece): number => ('size' in piece ? piece.size : piece.bytes.length);
const total = (pieces: readonly Piece[]): number => pieces.reduce((sum, piece) => sum + sizeOf(piece), 0);
const blobPath = (digest = ''): string => `blobs/sha256/${digest.replace('sha256:', '')}`;

/** Section 3. */
export function header(path: string, size: number, created: string): Buffer {
  const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, '0')}\0`;
  const cut = path.length > 100 ? path.lastIndexOf('/', 155) : -1;
  const block = Buffer.alloc(512);
  block.write(path.slice(cut + 1), 0);
  block.write(octal(path.startsWith('install/') ? 0o755 : 0o644, 7), 100);
  for (const offset of [108, 116, 329, 337]) block.write(octal(0, 7), offset);
  if (size < 8 * 1024 ** 3) block.write(octal(size, 11), 124);
  else block.fill(0x80, 124, 125).writeBigUInt64BE(BigInt(size), 128);
  block.write(octal(Date.parse(created) / 1000, 11), 136);
  block.write(`${' '.repeat(8)}0`, 148);
  block.write('ustar\x0000', 257);
  if (cut > 0) block.write(path.slice(0, cut), 345);
  return block.fill(
    `${octal(
      block.reduce((sum, byte) => sum + byte, 0),
      6,
    )} `,
    148,
    156,
  );
}

/** Header, pieces and padding of one member of any of the tars. */
function entry(path: string, pieces: readonly Piece[], created: string): Piece[] {
  const size = total(pieces);
  return [{ bytes: header(path, size, created) }, ...pieces, { bytes: Buffer.alloc((512 - (size % 512)) % 512) }];
}

/** Section 4.2: every naming of a manifest. */
function namings({ images, manifests }: Pick<Release, 'images' | 'manifests'>): readonly Naming[] {
  const evidence = images.flatMap((image) => (image.evidence ?? []).map(({ digest }) => ({ digest })));
  return [...images, ...evidence, ...manifests.flatMap((manifest) => manifest.manifests ?? [])];
}

/** Section 5. */
function imageTar({ created, images, manifests, blobs }: Release, platform: string | undefined): LaidOutMember {
  const all = new Map(manifests.map((manifest) => [manifest.digest, manifest]));
  const here = new Set(
    namings({ images, manifests }).flatMap((each) => (each.platform === platform ? each.digest : [])),
  );
  const first = (naming: Naming): Manifest | undefined => {
    const manifest = all.get(naming.digest);
    if (naming.platform === platform) return manifest;
    for (const child of manifest?.manifests ?? []) {
      const found = first(child);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  const imageEntries = images.flatMap((image) => {
    const manifest = first(image);
    if (manifest === undefined) return [];
    const name = image.reference.replace(/@.*/, '');
    const isTagged = /:[^/]*$/.test(name);
    return [{ manifest, isTagged, name: isTagged ? name : `${name}@${manifest.digest}` }];
  });
  const evidenceEntries = images.flatMap(({ reference, evidence = [] }) =>
    evidence.flatMap(({ digest, tag }) => {
      const manifest = all.get(digest);
      const repository = reference.replace(/@.*/, '').replace(/:[^/]*$/, '');
      const name = tag === undefined ? `${repository}@${digest}` : `${repository}:${tag}`;
      return manifest === undefined ? [] : [{ manifest, isTagged: tag !== undefined, name }];
    }),
  );
  const entries = [...imageEntries, ...(platform === undefined ? evidenceEntries : [])].filter(
    ({ name }, position, all) => all.findIndex((other) => other.name === name) === position,
  );
  const [os, architecture, variant] = platform?.split('/') ?? [];
  const index = entries.map(({ name, manifest: { mediaType, digest, size } }) => ({
    ...{ mediaType, digest, size },
    // JSON leaves out what is undefined.
    platform: platform === undefined ? undefined : { os, architecture, variant },
    annotations: { 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': name },
  }));
  const docker = [...new Set(entries.map(({ manifest }) => manifest))].map((manifest) => {
    const tags = entries.filter((each) => each.manifest === manifest && each.isTagged).map(({ name }) => name);
    const Layers = manifest.layers?.map(blobPath);
    return { Config: blobPath(manifest.config), RepoTags: tags.length > 0 ? tags : null, Layers };
  });
  const mediaType = 'application/vnd.oci.image.index.v1+json';
  const documents: [string, unknown][] = [
    ['oci-layout', { imageLayoutVersion: '1.0.0' }],
    ['index.json', { schemaVersion: 2, mediaType, manifests: index }],
  ];
  if (platform !== undefined) documents.push(['manifest.json', docker]);
  const named = new Set(
    manifests
      .filter(({ digest }) => here.has(digest))
      .flatMap(({ digest, config, layers = [] }) => [digest, config, ...layers]),
  );
  const contents = [...manifests, ...blobs]
    .filter(({ digest }) => named.has(digest))
    .sort((a, b) => (a.digest < b.digest ? -1 : 1));
  const pieces = [
    ...documents.flatMap(([path, json]) => entry(path, [{ bytes: Buffer.from(JSON.stringify(json)) }], created)),
    ...contents.flatMap(({ digest, size }) => entry(blobPath(digest), [{ digest, size }], created)),
    { bytes: Buffer.alloc(1024) },
  ];
  const path = `images/${platform?.replaceAll('/', '-') ?? 'multi-platform'}.tar`;
  return { path, size: total(pieces), pieces };
}

/** Section 6. */
function isListed(path: string, { checksums }: Release): boolean {
  return checksums !== 'files' || !path.startsWith('images/');
}

/** Section 2: every member of the archive whose `release.json` has these bytes. */
export function layOut(json: Buffer): readonly LaidOutMember[] {
  const release = JSON.parse(json.toString()) as Release;
  const known = (path: string, bytes: Buffer): LaidOutMember => ({ path, size: bytes.length, pieces: [{ bytes }] });
  const open = (path: string, size: number): LaidOutMember => ({ path, size, pieces: [{ open: path, size }] });
  const platforms = [...new Set(namings(release).map(({ platform }) => platform))];
  // Array.sort puts undefined last, which is where multi-platform.tar stands.
  const version = ({ path }: LaidOutMember): number =>
    Number(/^trust\/([1-9][0-9]{0,6})\.trust\.json$/.exec(path)?.[1] ?? 0);
  const files = release.files.map(({ path, size, digest }) => ({ path, size, pieces: [{ digest, size }] }));
  const trust = files.filter((file) => version(file) > 0).sort((a, b) => version(a) - version(b));
  const payload = [
    known('release.json', json),
    known('image-list.txt', Buffer.from(release.images.map(({ reference }) => `${reference}\n`).join(''))),
    ...files.filter((file) => version(file) === 0),
    ...platforms.sort().map((platform) => imageTar(release, platform)),
  ];
  const listed = [...trust, ...payload].filter(({ path }) => isListed(path, release));
  const checksumsSize = listed.reduce((sum, { path }) => sum + 67 + path.length, 0);
  return [
    open('checksums.txt', checksumsSize),
    ...release.slots.map(({ path, size }) => open(path, size)),
    ...trust,
    ...payload,
  ];
}

/** All bytes of the archive in order: the members of {@link layOut}, their headers and padding, and the end. */
export function toPieces(members: readonly LaidOutMember[], created: string): readonly Piece[] {
  return [...members.flatMap(({ path, pieces }) => entry(path, pieces, created)), { bytes: Buffer.alloc(1024) }];
}

/**
 * Sections 8 and 12. Returns the members, of an archive or a delta, when every byte is proved.
 * @throws Error saying which step refused.
 */
export function readArchive(file: Buffer, trusted: readonly KeyObject[], threshold = 1): readonly LaidOutMember[] {
  const insist: Insist = (holds, what) => {
    if (!holds) throw new Error(what);
  };
  const { partial, rest } = dividePartial(file, insist);
  const json = findInventory(rest, insist);
  const release = readInventory(json, insist);
  const full = layOut(json);
  const members = partial === undefined ? full : layOutDelta(partial, full, release, insist);
  const pieces = toPieces(members, release.created);
  insist(total(pieces) === file.length, 'length');

  const places = new Map<string, Buffer>();
  let offset = 0;
  for (const { path, size } of members) {
    places.set(path, file.subarray(offset + 512, offset + 512 + size));
    offset += 512 + Math.ceil(size / 512) * 512;
  }
  const at = (path: string): Buffer => places.get(path) ?? Buffer.alloc(0);
  const checksums = at('checksums.txt');
  const signatures = release.slots.filter(({ path }) => path.startsWith('signatures/'));
  const signers = signatures.flatMap(({ path }) => proveSlot(at(path), checksums, trusted, insist));
  insist(new Set(signers).size >= threshold, 'enough signatures');
  const listed = full.filter(
    ({ path }) =>
      isListed(path, release) && path !== 'checksums.txt' && !release.slots.some((slot) => slot.path === path),
  );
  // The inventory's own line comes first.
  listed.sort((a, b) => Number(b.path === 'release.json') - Number(a.path === 'release.json'));
  // Of image tarballs the list may say what it likes: their bytes are accounted for below.
  const said = new Map(checksums.toString('latin1').split('\n').map((line) => [line.slice(66), line.slice(0, 64)])); // prettier-ignore
  const hexOfMember = ({ path, pieces: [piece] }: LaidOutMember): string => {
    if (path.startsWith('images/')) return /^[a-f0-9]{64}$/.test(said.get(path) ?? '') ? (said.get(path) ?? '') : '';
    if (piece === undefined || 'open' in piece) return '';
    return 'digest' in piece ? piece.digest.slice(7) : hexOf(piece.bytes);
  };
  const lines = listed.map((member) => `${hexOfMember(member)}  ${member.path}\n`);
  insist(checksums.equals(Buffer.from(lines.join(''))), 'checksums');
  proveProvenance(
    release,
    release.slots.filter((slot) => !signatures.includes(slot)).map(({ path }) => at(path)),
    hexOf(checksums),
    trusted,
    insist,
  );

  let position = 0;
  const contents = new Map<string, Buffer>();
  for (const piece of pieces) {
    const bytes = file.subarray(position, (position += sizeOf(piece)));
    if ('digest' in piece) insist(`sha256:${hexOf(bytes)}` === piece.digest, `content at ${position}`);
    else if ('bytes' in piece) insist(bytes.equals(piece.bytes), `framing at ${position}`);
    if ('digest' in piece) contents.set(piece.digest, bytes);
  }
  compareGraph(release, contents, insist);
  return members;
}

/** Section 7. Returns the key id when a trusted key signed. */
function proveSlot(slot: Buffer, data: Buffer, trusted: readonly KeyObject[], insist: Insist): readonly string[] {
  const [, text = ''] = /^([^]*?) *\n$/.exec(slot.toString('latin1')) ?? [undefined, '?'];
  if (text === '') return [];
  const material = readMaterial(text, insist);
  const [, signature = ''] = /"signature":"([^"]*)"\}\}$/.exec(text) ?? [];
  const digest = Buffer.from(hexOf(data), 'hex').toString('base64');
  const message = `"messageSignature":{"messageDigest":{"algorithm":"SHA2_256","digest":"${digest}"},"signature":"${signature}"}`;
  const exact = `{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":${material.exact},${message}}`;
  insist(text === exact && canonical(signature) && signature !== '' && signature.length <= 684, 'bundle');
  const { keyId } = material;
  const key = trusted.find((each) => hexOf(each.export({ type: 'spki', format: 'der' })) === keyId);
  if (keyId === undefined || key === undefined) return [];
  const algorithm = key.asymmetricKeyType === 'ed25519' ? null : 'sha256';
  insist(verify(algorithm, data, key, Buffer.from(signature, 'base64')), 'signature');
  return [keyId];
}

interface Subject {
  readonly name: string;
  readonly digest: { readonly sha256: string };
}

/** Sections 7.3 and 7.4: the statements of each key are about this archive and no other. */
function proveProvenance(
  release: Release,
  slots: readonly Buffer[],
  checksums: string,
  trusted: readonly KeyObject[],
  insist: (holds: boolean, what: string) => void,
): void {
  const bySigner = new Map<string, { readonly images: Subject[]; readonly common: string }>();
  for (const slot of slots) {
    const [, text = ''] = /^([^]*?) *\n$/.exec(slot.toString('latin1')) ?? [undefined, '?'];
    if (text === '') continue;
    const material = readMaterial(text, insist);
    const [, payload = '', sig = ''] = /"payload":"([^"]*)".*"sig":"([^"]*)"/.exec(text) ?? [];
    const type = 'application/vnd.in-toto+json';
    const envelope = `"dsseEnvelope":{"payload":"${payload}","payloadType":"${type}","signatures":[{"sig":"${sig}"}]}`;
    const exact = `{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":${material.exact},${envelope}}`;
    insist(text === exact && [payload, sig].every(canonical), 'bundle of a statement');
    const bytes = Buffer.from(payload, 'base64');
    const { keyId, signer } = material;
    const key = trusted.find((each) => hexOf(each.export({ type: 'spki', format: 'der' })) === keyId);
    const signed = Buffer.concat([Buffer.from(`DSSEv1 ${type.length} ${type} ${bytes.length} `), bytes]);
    const algorithm = key?.asymmetricKeyType === 'ed25519' ? null : 'sha256';
    insist(key === undefined || verify(algorithm, signed, key, Buffer.from(sig, 'base64')), 'signature of a statement');
    if (bytes.includes('"predicateType":"https://airgap.hexabase.ai/attestations/check/v1"')) {
      proveCheck(bytes.toString(), release, checksums, insist);
      continue;
    }
    const { subject, common } = readStatement(bytes.toString(), release, insist);
    const [first, ...images] = subject;
    insist(first?.name === 'checksums.txt' && first.digest.sha256 === checksums, 'statement about this archive');
    const own = bySigner.get(signer) ?? { images: [], common };
    insist(own.common === common, 'statements that agree');
    own.images.push(...images);
    bySigner.set(signer, own);
  }
  const wanted = new Set(
    release.images.map(({ reference, digest }) => `${reference.replace(/@.*/, '').replace(/:[^/]*$/, '')} ${digest}`),
  );
  for (const { images } of bySigner.values()) {
    const named = images.map(({ name, digest }) => `${name} sha256:${digest.sha256}`);
    insist(named.length === wanted.size && named.every((each) => wanted.has(each)), 'statement about these images');
    insist(new Set(named).size === named.length, 'statement that names each image once');
  }
}

/** Section 7.4: what is written from what was read is the same text, about the archive and the report in it. */
function proveCheck(
  text: string,
  { name, version, files }: Release,
  checksums: string,
  insist: (holds: boolean, what: string) => void,
): void {
  const { predicate } = JSON.parse(text) as {
    predicate: {
      verdict: string;
      checkedAt: string;
      toolVersion: string;
      profiles: readonly string[];
      counts: { pass: number; fail: number; excepted: number; notApplicable: number };
    };
  };
  const { verdict, checkedAt, toolVersion, profiles, counts } = predicate;
  const path = `compliance/${name}-${version}.check.json`;
  const report = files.find((file) => file.path === path)?.digest.replace('sha256:', '') ?? 'none';
  const written = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [
      { name: 'checksums.txt', digest: { sha256: checksums } },
      { name: path, digest: { sha256: report } },
    ],
    predicateType: 'https://airgap.hexabase.ai/attestations/check/v1',
    predicate: {
      verdict,
      checkedAt,
      toolVersion,
      profiles: profiles.map(String),
      counts: { pass: counts.pass, fail: counts.fail, excepted: counts.excepted, notApplicable: counts.notApplicable },
    },
  };
  const isPlain =
    ['pass', 'fail', 'excepted'].includes(verdict) &&
    new Date(checkedAt).toISOString() === checkedAt.replace('Z', '.000Z') &&
    toolVersion.length > 0 &&
    toolVersion.length <= 64 &&
    profiles.length > 0 &&
    profiles.length <= 16 &&
    profiles.every((each) => /^[a-z0-9-]{1,63}$/.test(each)) &&
    Object.values(counts).every((count) => Number.isSafeInteger(count) && count >= 0);
  insist(report !== 'none' && isPlain && JSON.stringify(written) === text, 'statement of a check');
}

/** The keys in their order, and no others: what is written from what was read is the same text. */
function readStatement(
  text: string,
  release: Release,
  insist: (holds: boolean, what: string) => void,
): { readonly subject: readonly Subject[]; readonly common: string } {
  const { subject, predicate } = JSON.parse(text) as {
    subject: readonly Subject[];
    predicate: {
      buildDefinition: {
        externalParameters: {
          specDigest: string;
          lockDigest: string;
          source?: { repository: string; commit?: string };
        };
        internalParameters: { toolVersion: string };
        resolvedDependencies: readonly { uri?: string; name?: string; digest?: object }[];
      };
      runDetails: {
        builder: { id: string };
        metadata?: { invocationId: string; startedOn: string; finishedOn: string };
      };
    };
  };
  const { buildDefinition: built, runDetails: run } = predicate;
  const { specDigest, lockDigest, source } = built.externalParameters;
  const { name, version, channel, platforms } = release;
  const write = (dependencies: readonly object[]): object => ({
    buildDefinition: {
      buildType: 'https://airgap.hexabase.ai/build-types/archive/v1',
      externalParameters: {
        ...{ name, version, channel, platforms, specDigest, lockDigest },
        source: source && { repository: source.repository, commit: source.commit },
      },
      internalParameters: { toolVersion: built.internalParameters.toolVersion },
      resolvedDependencies: dependencies,
    },
    runDetails: {
      builder: { id: run.builder.id },
      metadata: run.metadata && {
        invocationId: run.metadata.invocationId,
        startedOn: run.metadata.startedOn,
        finishedOn: run.metadata.finishedOn,
      },
    },
  });
  const written = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: subject.map((each) => ({ name: each.name, digest: { sha256: each.digest.sha256 } })),
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: write(built.resolvedDependencies.map(({ uri, name: path, digest }) => ({ uri, name: path, digest }))),
  };
  insist(JSON.stringify(written) === text, 'statement');
  return { subject, common: JSON.stringify(write([])) };
}
