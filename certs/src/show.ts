import type { X509Certificate } from "node:crypto";
import { styleText } from "node:util";
import { usesOf } from "./extensions.ts";

const DAY = 24 * 60 * 60 * 1000;
const HEADINGS = ["subject", "names", "use", "until", "days left"] as const;

/**
 * A table of certificates, a line each, with a heading.
 * @param now milliseconds since the epoch
 * @param stream where it will be printed: it has colours only if that is a terminal
 */
export function certificateTable(
  certificates: readonly X509Certificate[],
  now: number,
  stream: NodeJS.WritableStream,
): string {
  const rows = certificates.map((certificate) => [
    printable(certificate.subject),
    printable(certificate.subjectAltName?.replace(/DNS:|IP Address:/g, "") ?? "-"),
    useOf(certificate),
    certificate.validToDate.toISOString().slice(0, 10),
    daysLeft(certificate, now),
  ]);
  const widths = HEADINGS.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  const lines = rows.map((row, index) => {
    const certificate = certificates[index];
    const colour = certificate === undefined ? "none" : colourOf(certificate, now);
    return colour === "none" ? line(row) : styleText(colour, line(row), { stream });
  });
  return `${[styleText("bold", line(HEADINGS), { stream }), ...lines].join("\n")}\n`;
}

function useOf(certificate: X509Certificate): string {
  if (certificate.ca) return "authority";
  const uses = usesOf(certificate);
  return uses.length === 0 ? "-" : uses.join(", ");
}

function daysLeft(certificate: X509Certificate, now: number): string {
  const left = certificate.validToDate.getTime() - now;
  return left < 0 ? "expired" : String(Math.floor(left / DAY));
}

/** Yellow when it is time to renew it, red when it is too late. */
function colourOf(certificate: X509Certificate, now: number): "red" | "yellow" | "none" {
  const until = certificate.validToDate.getTime();
  if (until < now) return "red";
  return until - now < (until - certificate.validFromDate.getTime()) / 3 ? "yellow" : "none";
}

/** A certificate of unknown origin may name what a terminal would act on. */
function printable(text: string): string {
  return text.replaceAll("\n", ", ").replace(/\p{C}/gu, "?");
}
