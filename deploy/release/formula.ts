/**
 * A Homebrew formula for the tarballs of a release (https://docs.brew.sh/Formula-Cookbook).
 *
 * @module
 */

/** What the formula needs of a release. */
export interface FormulaOptions {
  readonly version: string;
  /** Where the tarballs will be, without a slash at the end. */
  readonly baseUrl: string;
  /** SHA-256 of each tarball, by its name. */
  readonly sums: ReadonlyMap<string, string>;
}

/** Writes the formula; systems for which there is no tarball are left out. */
export function makeFormula({ version, baseUrl, sums }: FormulaOptions): string {
  const source = (name: string, indent: string) => {
    const file = `barline-${version}-${name}.tar.gz`;
    const sum = sums.get(file);
    return sum === undefined ? [] : [`${indent}url "${baseUrl}/${file}"`, `${indent}sha256 "${sum}"`];
  };
  const system = (block: string, names: Readonly<Record<string, string>>) => {
    const processors = Object.entries(names).flatMap(([processor, name]) => {
      const lines = source(name, "      ");
      return lines.length === 0 ? [] : [`    on_${processor} do`, ...lines, "    end"];
    });
    return processors.length === 0 ? [] : [`  ${block} do`, ...processors, "  end", ""];
  };
  return [
    "class Barline < Formula",
    '  desc "Streams market data into PostgreSQL"',
    `  homepage "${baseUrl}"`,
    `  version "${version}"`,
    '  license "MIT"',
    "",
    ...system("on_macos", { arm: "macos-arm64", intel: "macos-x64" }),
    ...system("on_linux", { arm: "linux-arm64", intel: "linux-x64" }),
    "  def install",
    '    bin.install "barline"',
    '    bash_completion.install "completions/barline.bash" => "barline"',
    '    zsh_completion.install "completions/_barline"',
    '    fish_completion.install "completions/barline.fish"',
    '    doc.install "README.md", "docs"',
    "  end",
    "",
    "  test do",
    '    assert_match version.to_s, shell_output("#{bin}/barline version")',
    "  end",
    "end",
    "",
  ].join("\n");
}
