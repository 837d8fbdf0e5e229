"""Chinese of what can be wrong with a file: its faults name values and places, so that whole sentences are matched.

`in_words` looks a sentence up and puts the values where the Chinese wants them; a sentence that is not here stays as it
is. A test holds every sentence of `zhizao.sense.files` against this table.
"""

from __future__ import annotations

import re
from functools import cache

from zhizao.app.texts.told import SENTENCES

__all__ = ["in_words"]

_MEND = "用 `zhizao import --explain` 写出映射文件，在其中更正，再用 --mapping 交回"

_SENTENCES: tuple[tuple[str, str], ...] = (
    # what is wrong
    (r'there is no file "(.*)"', r"没有文件“\1”"),
    (r'"(.*)" is a folder', r"“\1”是文件夹"),
    (r'"(.*)" cannot be opened \((.*)\)', r"“\1”无法打开（\2）"),
    (r"the file is empty", "文件是空的"),
    (r"the file is named as an Excel workbook but is not one", "文件名为 Excel 工作簿，内容却不是"),
    (r"the file is an old \(\.xls\) or password-protected Excel workbook, which is not read", "文件是旧版（.xls）或有密码的 Excel 工作簿，无法读取"),
    (r"the file is a picture \((\w+)\), not production records", r"文件是图片（\1），不是生产记录"),
    (r"the file is a PDF document, not production records", "文件是 PDF 文档，不是生产记录"),
    (r"the file is an SQLite database, not production records", "文件是 SQLite 数据库，不是生产记录"),
    (r"the file is (.*), not production records", r"文件是 \1，不是生产记录"),
    (r"the compressed file is cut off or damaged", "压缩文件不完整或已损坏"),
    (r"the file has ([\d,]+) bytes but unpacks to more than ([\d,]+)", r"文件只有 \1 字节，解压后却超过 \2 字节"),
    (r"the heading row has ([\d,]+) columns", r"表头行有 \1 列"),
    (r'there is no sheet "(.*)"', r"没有工作表“\1”"),
    (r"the workbook has no rows", "工作簿中没有数据行"),
    (r"the workbook is cut off or damaged", "工作簿不完整或已损坏"),
    (r"the workbook is password-protected", "工作簿有密码"),
    (r"the file is a ZIP archive, not an Excel workbook", "文件是 ZIP 压缩包，不是 Excel 工作簿"),
    (r"the sheet claims ([\d,]+) rows and ([\d,]+) columns", r"工作表声称有 \1 行、\2 列"),
    (r"the Parquet file is cut off or damaged", "Parquet 文件不完整或已损坏"),
    (r"the file has columns but no rows", "文件有列而没有数据行"),
    (r"no row of headings was found", "没有找到表头行"),
    (r"the file has headings but no rows", "文件有表头而没有数据行"),
    (r"([\d,]+) of ([\d,]+) rows have another number of cells than the ([\d,]+) headings \(row (\d+) has ([\d,]+)\)", r"\2 行中有 \1 行的单元格数与 \3 个表头不符（第 \4 行有 \5 个）"),
    (r"the file has ([\d,]+) NUL bytes, so it is damaged or no text", r"文件含 \1 个 NUL 字节，已损坏或不是文本"),
    (r"the file is binary, not text", "文件是二进制内容，不是文本"),
    (r"the file mixes encodings: line (\d+) is UTF-8, line (\d+) is not", r"文件混用编码：第 \1 行是 UTF-8，第 \2 行不是"),
    (r"line (\d+) is no GB18030, unlike the lines around it", r"第 \1 行不是 GB18030，与前后各行不同"),
    (r"the text cannot be read as (\S+) \((.*)\)", r"文本无法按 \1 读取（\2）"),
    (r"the first line is longer than (\d+) MiB", r"第一行超过 \1 MiB"),
    (r"a row is longer than (\d+) MiB", r"有一行超过 \1 MiB"),
    (r"the text is no table \((.*)\)", r"文本不是表格（\1）"),
    (r'a quote \("\) is opened in row (\d+) and not closed: ([\d,]+) rows or more are taken for one cell', r"第 \1 行的引号（\"）没有闭合：\2 行以上被当作一个单元格"),
    (r"the XML declares a document type or entities of its own, which no event log needs", "XML 自带文档类型或实体声明，事件日志不需要这些"),
    (r"the XML is cut off or damaged \((.*)\)", r"XML 不完整或已损坏（\1）"),
    (r"the XML is no XES event log \(no <log>\)", "XML 不是 XES 事件日志（没有 <log>）"),
    (r"the log has no events", "日志中没有事件"),
    (r"none of the ([\d,]+) events has a time \(time:timestamp\)", r"\1 个事件都没有时间（time:timestamp）"),
    (r"row (\d+) holds data, not headings: (.*)", r"第 \1 行是数据，不是表头：\2"),
    (r"no column looks like the production order \(case\); the columns are (.*)", r"没有一列像工单号（案例）；各列为 \1"),
    (r"no column holds the time of the work; the columns are (.*)", r"没有一列是作业时间；各列为 \1"),
    (r"no column says what was done \(operation, activity\); the columns are (.*)", r"没有一列说明做了什么（工序、活动）；各列为 \1"),
    (r'the heading "(.*)" occurs (\d+) times \(columns (.*)\), so which is the (.*) is not clear', r"表头“\1”出现 \2 次（第 \3 列），不知哪一列是 \4"),
    (r'the mapping names column "(.*)" for (\w+), which the file does not have', r"映射文件把列“\1”用作 \2，而文件中没有这一列"),
    (r"([\d,]+) of ([\d,]+) rows \(([\d.]+%?)\) cannot be stored.*", r"\2 行中有 \1 行（\3）无法存入"),
    (r'"(.*)" is no setting of a mapping file', r"“\1”不是映射文件的设置"),
    (r"the mapping file is no YAML: (.*)", r"映射文件不是 YAML：\1"),
    (r"(\d+) columns are named for (\w+): (.*)", r"有 \1 列被用作 \2：\3"),
    (r"the file has no text in it", "文件中没有文字"),
    (r"the mapping file holds no settings", "映射文件中没有设置"),
    (r"the time of the import has no zone", "导入时间没有时区"),
    (r"there is no such file", "没有这个文件"),
    (r"give the path of an export of production records", "请给出生产记录导出文件的路径"),
    (r"hand in an aware time, such as zhizao\.clock\.now\(\)", "请给出带时区的时间，例如 zhizao.clock.now()"),
    (r"it needs a part `columns:`", "其中要有 `columns:` 部分"),
    (r"write an IANA name such as Asia/Shanghai", "请写 IANA 时区名，例如 Asia/Shanghai"),
    (r"write it as `zhizao import --explain` does", "请照 `zhizao import --explain` 写出的样子写"),
    (r"the uploaded file is gone", "上传的文件已不在"),
    # how to mend it
    (r"check the name and the folder", "请检查文件名和文件夹"),
    (r"name one file: CSV, Excel \(\.xlsx\), Parquet or XES", "请给出一个文件：CSV、Excel（.xlsx）、Parquet 或 XES"),
    (r"check that you may read it", "请确认有权读取"),
    (r"export the records again", "请重新导出记录"),
    (r"export the records again, with data", "请重新导出带数据的记录"),
    (r"export it again", "请重新导出"),
    (r"export it again as CSV", "请重新导出为 CSV"),
    (r"export it again as CSV or Excel", "请重新导出为 CSV 或 Excel"),
    (r"export the records as CSV or Excel", "请把记录导出为 CSV 或 Excel"),
    (r"export the records themselves, not a picture of them", "请导出记录本身，而不是它的图片"),
    (r"export the records as CSV or Excel instead of printing them", "请把记录导出为 CSV 或 Excel，不要打印"),
    (r"export the table with the records as CSV", "请把记录所在的表导出为 CSV"),
    (r"open it in Excel and save it again as \.xlsx", "请用 Excel 打开并另存为 .xlsx"),
    (r"open it in Excel and save it again as \.xlsx, or export as CSV", "请用 Excel 打开并另存为 .xlsx，或导出为 CSV"),
    (r"open it in Excel, take the password off, and save it as \.xlsx or CSV", "请用 Excel 打开，去掉密码，另存为 .xlsx 或 CSV"),
    (r"open it in Excel, take the password off, and save it again", "请用 Excel 打开，去掉密码后再保存"),
    (r"unpack it and name the file inside \(CSV, \.xlsx, Parquet or XES\)", "请解压并给出其中的文件（CSV、.xlsx、Parquet 或 XES）"),
    (r"copy or export it again", "请重新复制或导出"),
    (r"copy or export the log again", "请重新复制或导出日志"),
    (r"this is no honest export; export the records again, as CSV when they are many", "这不是正常的导出文件；请重新导出，记录很多时用 CSV"),
    (r"records have at most ([\d,]+); check the separator and export again", r"记录最多 \1 列；请检查分隔符后重新导出"),
    (r"the sheets are: (.*)", r"工作表有：\1"),
    (r"delete the empty rows and columns beyond the records, or export as CSV", "请删去记录以外的空行空列，或导出为 CSV"),
    (r"write it again", "请重新写出"),
    (r"the first row should name the columns", "第一行应为各列的表头"),
    (r'check that "(.*)" is the separator and that cells with it inside are quoted', r"请检查“\1”是否为分隔符，含分隔符的单元格是否加了引号"),
    (r'save it again in one encoding, best "CSV UTF-8", or name one as `encoding` in the mapping file', "请用同一种编码另存，最好是“CSV UTF-8”，或在映射文件中写明 `encoding`"),
    (r'mend that line, or save the file again as "CSV UTF-8"', "请改正该行，或把文件另存为“CSV UTF-8”"),
    (r'save it again as "CSV UTF-8", or name its encoding in the mapping file', "请另存为“CSV UTF-8”，或在映射文件中写明编码"),
    (r"the file has no line ends, or is no table; export it again", "文件没有换行，或不是表格；请重新导出"),
    (r'a line end is missing, or a quote \("\) is opened and never closed; look there and export again', "缺少换行，或引号（\"）没有闭合；请检查该处后重新导出"),
    (r"close the quote, or write two where one is meant as text; then read the file again", "请闭合引号；引号本身作为文字时写两个，然后重新读取"),
    (r"export the log again as plain XES", "请把日志重新导出为普通 XES"),
    (r"export it as XES, CSV or Excel", "请导出为 XES、CSV 或 Excel"),
    (r"export the log with timestamps", "请导出带时间戳的日志"),
    (r"put a first row that names the columns, or say `header_row:` in a mapping file", "请在第一行写各列的表头，或在映射文件中写明 `header_row:`"),
    (r"name it under `columns: \{(\w+): \.\.\.\}`: .*", rf"请在 `columns: {{\1: ...}}` 下写明该列：{_MEND}"),
    (r"export start and end as well, or name the column under `columns: \{start: \.\.\.\}`: .*", f"请一并导出开始和结束时间，或在 `columns: {{start: ...}}` 下写明该列：{_MEND}"),
    (r'give each its own heading, or name "(.*)" or "(.*)" in a mapping file', r"请给每列不同的表头，或在映射文件中写明“\1”或“\2”"),
    (r'did you mean "(.*)"\? its columns are: (.*)', r"是否指“\1”？文件的列有：\2"),
    (r"its columns are: (.*)", r"文件的列有：\1"),
    (r"mend the rows, or, if a column is taken for the wrong thing, .*", f"请改正这些行；若某列识别有误，请{_MEND}"),
    (r"upload it again", "请重新上传"),
    (r"correct that line of the mapping file", "请改正映射文件的该行"),
    (r"name one", "请只写一列"),
    (r'did you mean "(.*)"\?', r"是否指“\1”？"),
    (r"settings are: (.*)", r"可用的设置：\1"),
)  # fmt: skip


@cache
def _known() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(pattern, re.S), chinese) for pattern, chinese in (*_SENTENCES, *SENTENCES))


def in_words(text: str, lang: str) -> str:
    """A sentence about a file, or about what was refused, in a language.

    Examples
    --------
    >>> in_words("the file is empty", "zh"), in_words("the file is empty", "en"), in_words("else", "zh")
    ('文件是空的', 'the file is empty', 'else')
    """
    if lang == "zh":
        for pattern, chinese in _known():
            found = pattern.fullmatch(text)
            if found is not None:
                return found.expand(chinese.replace('\\"', '"'))
    return text
