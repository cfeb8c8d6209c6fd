/** What a release.yaml decides about images: suspects that are carried or not, and more places that hold images. */
import * as z from 'zod';
import { refineWith } from '../../base/schemas/refine.ts';
import { parsePlacePath } from '../../kubernetes/resources/place-path.ts';
import { parseDecisionPattern } from './decision-pattern.ts';

const MAX_DECISIONS = 5_000;
const MAX_REASON = 1_000;

const PatternText = z
  .string()
  .min(1)
  .max(512)
  .check(refineWith(parseDecisionPattern))
  .meta({ examples: ['quay.io/acme/proxy:1.2', 'quay.io/acme/*'] });

const Reason = z.string().trim().min(1).max(MAX_REASON);

/** A suspect that is carried, with the reason. */
export const SpecAccept = z
  .strictObject({
    image: PatternText.describe('The image, or a pattern with *; without a tag, every tag of it.'),
    reason: Reason.optional().describe('Why, for those who read the release later.'),
  })
  .describe('A suspect that is carried.');

/** A suspect that is not carried. */
export const SpecDismiss = z
  .strictObject({
    image: PatternText.describe('The image, or a pattern with *; without a tag, every tag of it.'),
    reason: Reason.describe('Why nothing pulls it: carried in the archive, where an auditor reads it.'),
  })
  .describe('A suspect that is not carried.');

/** A place that holds an image, in the resources of one kind. */
export const SpecPlaceRule = z
  .strictObject({
    kind: z
      .string()
      .max(253)
      .regex(/^[A-Za-z][A-Za-z0-9]*$/, 'must be a kind, such as Deployment')
      .describe('The kind of resource, as it stands in its `kind`.'),
    apiVersion: z
      .string()
      .max(253)
      .regex(/^([a-z0-9.-]+\/)?[a-z0-9]+$/, 'must be group/version, such as acme.io/v1')
      .optional()
      .describe('Its API version, such as acme.io/v1; any if absent.'),
    path: z
      .string()
      .min(1)
      .max(512)
      .check(refineWith(parsePlacePath))
      .describe('Where the image stands: spec.image, spec.workers[*].image, spec.*.image.'),
  })
  .describe('A place that holds an image which is pulled.');

/** The three lists of a release.yaml; each may be absent. */
export const SpecDecisions = {
  accept: z
    .array(z.union([PatternText, SpecAccept]))
    .max(MAX_DECISIONS)
    .optional()
    .describe(
      'Suspects that are carried: images that something in the release may pull, as `airgap discover` shows them.',
    ),
  dismiss: z
    .array(SpecDismiss)
    .max(MAX_DECISIONS)
    .optional()
    .describe('Suspects that are not carried, each with the reason.'),
  rules: z
    .array(SpecPlaceRule)
    .max(MAX_DECISIONS)
    .optional()
    .describe('More places that hold images which are pulled, for kinds of resources that this tool does not know.'),
};
