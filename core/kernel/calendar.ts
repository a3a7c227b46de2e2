// Days, weeks, months and years as a place's clocks have them, by the time zone rules that come with Intl. A day is then
// 23, 24 or 25 hours long, and one that a zone left out altogether doesn't exist.
import { Fault } from './fault.ts';

export type CalendarUnit = 'day' | 'week' | 'month' | 'year';

/** A span of the calendar of one place. */
export interface CalendarSpan {
  readonly unit: CalendarUnit;
  /** By its IANA name: 'Europe/Paris'. */
  readonly timeZone: string;
}

export interface Calendar {
  /** Start of the span that holds the moment: the first one at which the place's date is in it. */
  startOf(momentMs: number): number;
  /** Start of the span after the one that holds the moment. */
  endOf(momentMs: number): number;
}

interface LocalDate {
  readonly year: number;
  readonly month: number;
  readonly day: number;
}

const dayMs = 86_400_000;
const units: readonly string[] = ['day', 'week', 'month', 'year'];
const known = new Map<string, Calendar>();

/** One for each span, since it keeps the last spans it was asked for. @throws Fault `BAD_WINDOW` for an unknown zone or unit */
export function calendarOf({ unit, timeZone }: CalendarSpan): Calendar {
  const name = `${unit} ${timeZone}`;
  const calendar = known.get(name) ?? createCalendar(unit, timeZone);
  known.set(name, calendar);
  return calendar;
}

function createCalendar(unit: CalendarUnit, timeZone: string): Calendar {
  if (!units.includes(unit))
    throw new Fault('BAD_WINDOW', { reason: `the unit is day, week, month or year, not '${unit}'` });
  const offsetAt = zoneOffsets(timeZone);

  const localDate = (momentMs: number): LocalDate => {
    const local = new Date(momentMs + offsetAt(momentMs));
    return { year: local.getUTCFullYear(), month: local.getUTCMonth(), day: local.getUTCDate() };
  };

  /** The first moment at which the clocks show midnight of that date, or the first after it where they skip midnight. */
  function midnight({ year, month, day }: LocalDate): number {
    const local = utc(year, month, day);
    const candidates = [offsetAt(local - dayMs), offsetAt(local + dayMs)].map((offset) => local - offset);
    const shown = candidates.filter((moment) => moment + offsetAt(moment) === local);
    if (shown.length > 0) return Math.min(...shown);
    // The clocks jump over midnight: the day starts where they land, which a search finds between the two guesses.
    let [before, after] = [Math.min(...candidates), Math.max(...candidates)];
    while (after - before > 1) {
      const middle = Math.floor((before + after) / 2);
      if (middle + offsetAt(middle) >= local) after = middle;
      else before = middle;
    }
    return after;
  }

  function first(date: LocalDate): LocalDate {
    switch (unit) {
      case 'day':
        return date;
      case 'week': {
        // Weeks begin on Monday, as in ISO 8601.
        const weekday = (new Date(utc(date.year, date.month, date.day)).getUTCDay() + 6) % 7;
        return { ...date, day: date.day - weekday };
      }
      case 'month':
        return { ...date, day: 1 };
      default:
        return { ...date, month: 0, day: 1 };
    }
  }

  const after = ({ year, month, day }: LocalDate): LocalDate =>
    unit === 'year'
      ? { year: year + 1, month, day }
      : unit === 'month'
        ? { year, month: month + 1, day }
        : { year, month, day: day + (unit === 'week' ? 7 : 1) };

  let lastStart = Number.POSITIVE_INFINITY;
  let lastEnd = Number.NEGATIVE_INFINITY;

  /** Most records are in the span of the one before, and then nothing is computed. */
  function find(momentMs: number): void {
    if (momentMs >= lastStart && momentMs < lastEnd) return;
    let date = first(localDate(momentMs));
    lastStart = midnight(date);
    // A date that a zone never had (Samoa, 2011-12-30) is a span of nothing.
    do {
      date = after(date);
      lastEnd = midnight(date);
    } while (lastEnd <= momentMs);
  }

  return {
    startOf(momentMs) {
      find(momentMs);
      return lastStart;
    },
    endOf(momentMs) {
      find(momentMs);
      return lastEnd;
    },
  };
}

/** `Date.UTC` takes the years 0 to 99 for the last century's. */
function utc(year: number, month: number, day: number): number {
  const date = new Date(0);
  return date.setUTCFullYear(year, month, day);
}

/** How far the clocks of a zone are ahead of UTC at a moment, in milliseconds. */
function zoneOffsets(timeZone: string): (momentMs: number) => number {
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      era: 'short',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  } catch (error) {
    throw new Fault('BAD_WINDOW', { reason: `'${timeZone}' is no time zone; write it as 'Europe/Paris'` }, error);
  }
  return (momentMs) => {
    const parts: Record<string, string> = {};
    for (const { type, value } of format.formatToParts(momentMs)) parts[type] = value;
    const { era, year, month, day, hour, minute, second } = parts;
    const shownYear = era === 'BC' ? 1 - Number(year) : Number(year);
    const shown =
      utc(shownYear, Number(month) - 1, Number(day)) +
      ((Number(hour) * 60 + Number(minute)) * 60 + Number(second)) * 1_000;
    return shown - Math.floor(momentMs / 1_000) * 1_000;
  };
}
