/** Brings mirror configuration into its place on a node, or says whether it is there and leads to every image. */
import { join } from 'node:path';
import { assertCaFile } from '../../../base/http/tls-files.ts';
import { retryPolicy } from '../../../base/retry.ts';
import { CheckError } from '../../../errors.ts';
import type { DialectName } from '../../../kubernetes/mirrors/dialect-names.ts';
import type { MirrorMap } from '../../../kubernetes/mirrors/mirror-map.ts';
import { checkImages, type CheckedImage } from '../../../operations/mirror-config/check.ts';
import { installMirrorFiles } from '../../../operations/mirror-config/install.ts';
import { readNodeFiles, type NodeFile, type NodePlace } from '../../../operations/mirror-config/node-files.ts';
import { formatReference } from '../../../oci/reference.ts';
import { formatCount, formatTable } from '../../../report/format.ts';
import { Registries } from '../../../stores/registry/registries.ts';
import type { Context } from '../../context.ts';
import { listenTo } from '../../output/registry-lines.ts';
import type { Written } from './written.ts';

/** A second request may succeed; a person waits for the answer. */
const RETRIES = 1;
/** Things that an error names one by one. */
const MAX_SHOWN = 20;

/** A node, and who reads its files. */
export interface Node extends NodePlace {
  readonly format: DialectName;
}

/** Writes what is missing or different, and says what became of each file. */
export async function installOnNode({ output, now }: Context, node: Node, written: Written): Promise<void> {
  const files = await installMirrorFiles(node, written.files, now());
  output.result(
    { kind: 'mirror-install', format: node.format, root: node.root, files, unexpressed: written.unexpressed },
    formatTable(files.map(({ place, result, backup }) => [result, place, backup === undefined ? '' : `before: ${backup}`])), // prettier-ignore
  );
  if (files.every(({ result }) => result === 'unchanged')) output.note('nothing was changed');
  else for (const step of written.steps) output.note(`${node.format}: ${step}`);
}

/** @throws CheckError `CHECK_FAILED` naming every file and image; whatever kept a registry from answering. */
export async function checkNode(context: Context, node: Node, written: Written, map: MirrorMap): Promise<void> {
  const { output, signal } = context;
  const files = await readNodeFiles(node, written.files);
  const left = new Set(written.unexpressed.map(({ original }) => original));
  const expressed = map.registries
    .flatMap((registry) => registry.images)
    .filter(({ original }) => !left.has(formatReference(original)));
  await using registries = openRegistries(context, node, map);
  const { images, failure } = await checkImages(expressed, (reference) => registries.repository(reference), signal);
  output.result(
    {
      ...{ kind: 'mirror-check', format: node.format, root: node.root },
      files: files.map(({ place, state }) => ({ place, state })),
      ...{ images, unexpressed: written.unexpressed },
    },
    [
      ...formatTable(files.map(({ place, state }) => [state, place])),
      ...formatTable(images.map(({ original, internal, state }) => [state, original, `at ${internal}`])),
    ],
  );
  if (failure !== undefined) throw failure;
  assertAnswers(files, images);
  output.note(`${formatCount(images.length, 'image')}: each is where this node looks for it`);
}

function openRegistries({ env, output }: Context, { root }: Node, { access }: MirrorMap): Registries {
  const caFile = access.caFile === undefined ? undefined : join(root, access.caFile);
  assertCaFile(caFile);
  return new Registries('pull', {
    ...listenTo(output),
    caFile,
    insecure: access.insecure === true,
    ...(access.plainHttp === true ? { plainHttp: true } : {}),
    retry: retryPolicy(RETRIES),
    environment: env,
  });
}

function assertAnswers(files: readonly NodeFile[], images: readonly CheckedImage[]): void {
  const wrong = files.filter(({ state }) => state !== 'in place');
  const lost = images.filter(({ state }) => state !== 'there');
  if (wrong.length + lost.length === 0) return;
  const items = [
    ...wrong.map(({ place, state }) => (state === 'missing' ? `${place} is missing` : `${place} says something else`)),
    ...lost.map(({ original, internal, state, digest }) =>
      state === 'not there'
        ? `${original} is not there: ${internal}`
        : `${original} is another one: ${internal} is ${digest ?? ''}`,
    ),
  ];
  const more = items.length - MAX_SHOWN;
  throw new CheckError('CHECK_FAILED', 'this node does not find every image by its name:', {
    items: more > 0 ? [...items.slice(0, MAX_SHOWN), `and ${more} more`] : items,
    hint:
      wrong.length > 0
        ? 'bring the files into their places with --install'
        : 'load the release that brought them again',
  });
}
