"""Small files of every kind, made here: what is sent to be read, good and bad."""

import io
import zipfile

from pypdf import PdfReader, PdfWriter

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def pdf(*pages: list[str]) -> bytes:
    """A PDF with these lines on each page, in Helvetica."""
    n = len(pages)
    kids = " ".join(f"{4 + 2 * index} 0 R" for index in range(n))
    bodies = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {n} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for index, lines in enumerate(pages):
        shown = "".join(f"({line.replace('(', '[').replace(')', ']')}) Tj T*\n" for line in lines)
        stream = f"BT /F1 11 Tf 14 TL 50 780 Td\n{shown}ET"
        resources = "/Resources << /Font << /F1 3 0 R >> >>"
        page = f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {5 + 2 * index} 0 R {resources} >>"
        bodies += [page, f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream"]
    content, places = "%PDF-1.4\n", []
    for number, body in enumerate(bodies, start=1):
        places.append(len(content))
        content += f"{number} 0 obj\n{body}\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    size = len(bodies) + 1
    trailer = f"trailer << /Size {size} /Root 1 0 R >>\nstartxref\n{len(content)}\n%%EOF"
    return f"{content}xref\n0 {size}\n0000000000 65535 f \n{table}{trailer}".encode("latin-1")


def locked_pdf(password: str, *lines: str) -> bytes:
    """A PDF that is encrypted under this password."""
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf(list(lines)))))
    writer.encrypt(password, algorithm="RC4-128")
    written = io.BytesIO()
    writer.write(written)
    return written.getvalue()


def zipped(name: str, content: bytes | str) -> bytes:
    """A zip with one file in it."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return written.getvalue()


def docx(*paragraphs: str) -> bytes:
    """A Word document with these paragraphs, as XML in runs."""
    body = "".join(f"<w:p><w:r>{paragraph}</w:r></w:p>" for paragraph in paragraphs)
    return zipped("word/document.xml", f'<w:document xmlns:w="{WORD}"><w:body>{body}</w:body></w:document>')
