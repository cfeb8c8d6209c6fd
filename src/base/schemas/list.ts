/** Lists of strangers: the first entry that is wrong ends the reading, so that no list makes a million complaints. */
import * as z from 'zod';

/** An array of at most `max` entries. What `z.array` says of every entry is said of the first that is wrong. */
export function listOf<T extends z.ZodType>(element: T, max: number, min = 0): z.ZodType<z.output<T>[]> {
  return z
    .array(z.unknown())
    .min(min)
    .max(max)
    .transform((items, context) => {
      const read: z.output<T>[] = [];
      for (const [index, item] of items.entries()) {
        const parsed = element.safeParse(item);
        if (parsed.success) {
          read.push(parsed.data);
          continue;
        }
        const [issue] = parsed.error.issues;
        const path = [index, ...(issue?.path ?? [])];
        context.addIssue({ code: 'custom', message: issue?.message ?? 'invalid', path, input: item });
        return z.NEVER;
      }
      return read;
    });
}
