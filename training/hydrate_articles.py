"""Give the annotated articles of the public record their text again.

    python -m training.hydrate_articles --clones ~/clones
    python -m training.hydrate_articles --texts ~/articles.jsonl --clones ~/clones --allow-missing

The repository carries their annotation without text: training/data/wikinews.jsonl says in which row of which file an
article stands (repository, revision, path, row) and what the sha256 of its text is. This program finds the texts and
writes training/data/hydrated/wikinews.jsonl. A text is only taken when its sha256 is the annotated one.

--clones DIR holds the repository as DIR/<owner>+<name>: `git clone` it there (a bare clone does as well), or put the
files of the annotated revision there. What is missing is reported with the command that gets it.
--texts PATH is a JSONL file, or a folder of them, whose rows have a "text"; which article it is tells its sha256.

Exit status: 0 all found, or --allow-missing; 1 something is missing or unusable, nothing was written; 2 usage.
"""

import argparse
from collections.abc import Sequence

from training.articles import WIKINEWS, Article, read_articles, write_articles
from training.corpus import HYDRATED_FOLDER
from training.examples import sha256_of_text
from training.hydrate import Cause, find_texts, run_program
from training.locators import Reader, whole_articles


def reader_of_article(article: Article) -> Reader | None:
    """What finds the whole articles in a file; None where no row leads to the article."""
    return None if article.row is None else whole_articles


def find_article(article: Article, rows: dict[str, str] | None) -> str | Cause:
    """The text of an article among the rows of its file (None: there is no such file), or why there is none."""
    if rows is None:
        return Cause.NO_FILE
    text = rows.get(article.locator)
    if text is None:
        return Cause.NO_ROW
    return text if sha256_of_text(text) == article.sha256 else Cause.OTHER_TEXT


def hydrate(where: argparse.Namespace) -> int:
    """Write the hydrated file and return the exit status. Raises: CorpusError."""
    articles = list(read_articles(where.data / WIKINEWS))
    found = find_texts(articles, where, noun="articles", reader_of=reader_of_article, find=find_article)
    if found is None:
        return 1
    output = where.data / HYDRATED_FOLDER / WIKINEWS
    n = write_articles(output, (a.with_text(found[a.sha256]) for a in articles if a.sha256 in found))
    print(f"{output}: {n:,} articles with text, {len(articles) - n:,} without left out")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """The program; returns its exit status."""
    return run_program("training.hydrate_articles", __doc__, hydrate, arguments=arguments)


if __name__ == "__main__":
    raise SystemExit(main())
