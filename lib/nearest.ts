/**
 * The known name with the smallest edit distance, if that is at most a part of its length.
 *
 * @param part How many letters of the known name there have to be for each that differs.
 */
export function nearest(
  name: string,
  known: readonly string[],
  part = 3,
): string | undefined {
  const own = lettersOf(name.toLowerCase());
  let best: { readonly name: string; readonly distance: number } | undefined;
  for (const candidate of known) {
    // The distance is at least the difference of the lengths, and the number of other letters.
    if (Math.abs(candidate.length - name.length) > candidate.length / part) continue;
    if (bitsIn(own & ~lettersOf(candidate)) > candidate.length / part) continue;
    const distance = editDistance(name.toLowerCase(), candidate);
    if (distance <= candidate.length / part && distance < (best?.distance ?? Infinity)) {
      best = { name: candidate, distance };
    }
  }
  return best?.name;
}

/** The letters of a word as a set of bits; other characters count as no letter. */
function lettersOf(word: string): number {
  let letters = 0;
  for (let at = 0; at < word.length; at++) {
    const letter = word.charCodeAt(at) - 0x61;
    if (letter >= 0 && letter < 26) letters |= 1 << letter;
  }
  return letters;
}

function bitsIn(set: number): number {
  let count = 0;
  for (let rest = set; rest !== 0; rest &= rest - 1) count++;
  return count;
}

/**
 * How many letters have to be inserted, deleted, replaced, or swapped with the next. For names longer
 * than any known one, their length.
 */
function editDistance(one: string, other: string): number {
  if (one.length > 64) return one.length;
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (let row = 1; row <= one.length; row++) {
    const current = [row];
    for (let column = 1; column <= other.length; column++) {
      const replaced = previous[column - 1]! + (one[row - 1] === other[column - 1] ? 0 : 1);
      const swapped = one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1]
        ? (beforePrevious[column - 2] ?? Infinity) + 1
        : Infinity;
      current.push(Math.min(replaced, swapped, previous[column]! + 1, current[column - 1]! + 1));
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[other.length]!;
}
