/** Archives of Engines before 25 have no manifest: one is made from config and layers, the same one every time. */
import * as z from 'zod';
import { jsonFaultOf, parseJson } from '../../base/json/parse-json.ts';
import { IntegrityError } from '../../errors.ts';
import { isDigest, type Digest } from '../../oci/digest.ts';
import { MediaType } from '../../oci/media-types.ts';
import type { Members } from './save.ts';
import type { Spool } from './spool.ts';

const MAX_JSON_BYTES = 16 * 1024 * 1024;
const MAX_LAYERS = 1000;
/** Layers of such archives are plain tar. @see https://github.com/opencontainers/image-spec/blob/main/layer.md */
const LAYER_TAR = 'application/vnd.oci.image.layer.v1.tar';

/** `manifest.json`. @see https://github.com/moby/docker-image-spec/blob/main/v1.2.md#combined-image-json--filesystem-changeset-format */
const ImageList = z.array(
  z.object({
    Config: z.string(),
    RepoTags: z.array(z.string()).nullish(),
    Layers: z.array(z.string()).max(MAX_LAYERS).nullish(),
  }),
);
const Config = z.object({
  rootfs: z.object({
    type: z.literal('layers'),
    diff_ids: z.array(z.custom<Digest>(isDigest)).max(MAX_LAYERS).nullish(),
  }),
});

/**
 * The bytes of a manifest for the archive's one image. They depend on config and layers alone.
 * @throws IntegrityError `MALFORMED` when the archive does not hold exactly one image, whole, with the layers its config names.
 */
export async function synthesizeManifest(members: Members, spool: Spool, what: string): Promise<Buffer> {
  const malformed = (why: string): IntegrityError => new IntegrityError('MALFORMED', `${what}: ${why}`);
  const readJson = async (name: string): Promise<unknown> => {
    const member = members.find(name);
    if (member === undefined) throw malformed(`${name} is missing`);
    const bytes = await spool.readSmall(member.digest, MAX_JSON_BYTES, `${what}: ${name}`);
    try {
      return parseJson(bytes, { maxBytes: MAX_JSON_BYTES });
    } catch (error) {
      throw malformed(`${name} ${jsonFaultOf(error)}`);
    }
  };
  const images = ImageList.safeParse(await readJson('manifest.json'));
  if (!images.success) throw malformed('manifest.json is not a list of images');
  const [image, ...others] = images.data;
  if (image === undefined || others.length > 0) throw malformed(`${images.data.length} images where one was asked for`);
  const config = Config.safeParse(await readJson(image.Config));
  if (!config.success) throw malformed(`${image.Config} is not an image's config`);
  const diffIds = config.data.rootfs.diff_ids ?? [];
  const names = image.Layers ?? [];
  if (names.length !== diffIds.length)
    throw malformed(`${names.length} layers, but the config names ${diffIds.length}`);
  const layers = names.map((name, index) => {
    const layer = members.find(name);
    if (layer === undefined) throw malformed(`${name} is missing`);
    if (layer.digest !== diffIds[index])
      throw malformed(`${name} is ${layer.digest}, the config says ${diffIds[index]}`);
    return { mediaType: LAYER_TAR, digest: layer.digest, size: layer.size };
  });
  const manifest = {
    schemaVersion: 2,
    mediaType: MediaType.manifest,
    config: { mediaType: MediaType.config, ...members.find(image.Config) },
    layers,
  };
  return Buffer.from(JSON.stringify(manifest));
}
