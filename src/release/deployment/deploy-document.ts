/**
 * `deploy.json` in an archive: what a deployment of the release does beside applying its manifests. It is signed with
 * everything else, and made from the lock alone.
 */
import * as z from 'zod';
import { parseJson } from '../../base/json/parse-json.ts';
import { IntegrityError } from '../../errors.ts';

/** Its path in the archive. */
export const DEPLOY_PATH = 'deploy.json';
/** Bytes of it. */
const MAX_BYTES = 16 * 1024 * 1024;
/** Words of a command, and characters of one. */
const MAX_WORDS = 100;
const MAX_WORD = 4096;
const MAX_PROFILES = 1000;
/** UTF-16 units of one file of rules. */
const MAX_RULES = 1024 * 1024;
const MAX_LIST = 100_000;
const MAX_SET_NAME = 32_768;
const DNS_NAME = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/;

/** Kinds whose pods a command can run in. */
export const INIT_KINDS = ['Deployment', 'StatefulSet', 'DaemonSet'] as const;
const WORKLOAD = new RegExp(`^(${INIT_KINDS.join('|')})/[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`);
/** Seconds that a command may take where nothing is said. */
const DEFAULT_TIMEOUT = 600;
const MAX_TIMEOUT = 86_400;

/** The command that sets a platform up once it runs, and where it runs. */
export const InitCommand = z
  .strictObject({
    workload: z
      .string()
      .max(300)
      .regex(WORKLOAD, `must be ${INIT_KINDS.join(', ')}, a slash and a name, as in Deployment/control-plane`)
      .describe('Whose pod it runs in, as the manifests name it: Deployment/control-plane.'),
    container: z
      .string()
      .max(63)
      .regex(DNS_NAME, 'must be the name of a container')
      .optional()
      .describe('Which container of the pod; the first if absent.'),
    command: z
      .array(z.string().min(1).max(MAX_WORD))
      .min(1)
      .max(MAX_WORDS)
      .describe('The program and its arguments. No shell reads them. It has to bear being run twice.'),
    timeoutSeconds: z.int().min(1).max(MAX_TIMEOUT).default(DEFAULT_TIMEOUT).describe('How long it may take.'),
    profiles: z
      .array(z.string().min(1).max(512))
      .min(1)
      .max(MAX_PROFILES)
      .optional()
      .describe('Profiles that it belongs to: sets of values with renderManifests, or plain. Left out: all.'),
  })
  .describe('A command that runs in a pod of the platform, once, when everything is ready.');
export type InitCommand = z.infer<typeof InitCommand>;

/** The profiles of rules that a release may ask for; the general rules always apply. */
export const CHECK_PROFILES = ['general', 'availability', 'gdpr', 'hipaa'] as const;

/** The rules that what is deployed has to meet, and the files of rules and exceptions beside those of the product. */
export const DeployCheck = z.strictObject({
  rules: z.array(z.strictObject({ name: z.string().min(1).max(512), text: z.string().max(MAX_RULES) })).max(MAX_LIST),
  demands: z
    .array(
      z.strictObject({
        values: z.array(z.string().min(1).max(MAX_SET_NAME)).max(MAX_LIST).optional(),
        profiles: z.array(z.enum(CHECK_PROFILES)).max(MAX_LIST),
      }),
    )
    .max(MAX_LIST),
});
export type DeployCheck = z.infer<typeof DeployCheck>;

/** The whole document. */
export const DeployDocument = z.strictObject({
  schemaVersion: z.literal(1),
  init: InitCommand.optional(),
  check: DeployCheck.optional(),
});
export type DeployDocument = z.infer<typeof DeployDocument>;

/** The bytes of the document; one form. */
export function formatDeployDocument(document: DeployDocument): Buffer {
  return Buffer.from(`${JSON.stringify(DeployDocument.parse(document), null, 2)}\n`);
}

/**
 * Reads the document of a trusted archive.
 * @throws IntegrityError `MALFORMED` for one that this product does not understand: a part of it is never passed over
 */
export function parseDeployDocument(bytes: Uint8Array): DeployDocument {
  try {
    return DeployDocument.parse(parseJson(bytes, { maxBytes: MAX_BYTES }));
  } catch (cause) {
    throw new IntegrityError('MALFORMED', `${DEPLOY_PATH} is not what this version understands`, {
      cause,
      hint: 'deploy with the verify-and-load.mjs that the archive carries, or a newer airgap',
      details: { member: DEPLOY_PATH },
    });
  }
}
