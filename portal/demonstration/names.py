"""Common names of both nations, from which the demonstration's citizens are put together. None of them is a person."""

from dataclasses import dataclass

# family names: kanji, kana, romaji
JP_FAMILY = """
佐藤 サトウ SATO|鈴木 スズキ SUZUKI|高橋 タカハシ TAKAHASHI|田中 タナカ TANAKA|伊藤 イトウ ITO|渡辺 ワタナベ WATANABE
山本 ヤマモト YAMAMOTO|中村 ナカムラ NAKAMURA|小林 コバヤシ KOBAYASHI|加藤 カトウ KATO|吉田 ヨシダ YOSHIDA
山田 ヤマダ YAMADA|佐々木 ササキ SASAKI|山口 ヤマグチ YAMAGUCHI|松本 マツモト MATSUMOTO|井上 イノウエ INOUE
木村 キムラ KIMURA|林 ハヤシ HAYASHI|斎藤 サイトウ SAITO|清水 シミズ SHIMIZU|髙﨑 タカサキ TAKASAKI|森 モリ MORI
池田 イケダ IKEDA|橋本 ハシモト HASHIMOTO|石川 イシカワ ISHIKAWA|前田 マエダ MAEDA|藤田 フジタ FUJITA
後藤 ゴトウ GOTO|岡田 オカダ OKADA|長谷川 ハセガワ HASEGAWA|村上 ムラカミ MURAKAMI|近藤 コンドウ KONDO
"""

# given names: kanji, kana, romaji
JP_GIVEN = """
陽子 ヨウコ YOKO|太郎 タロウ TARO|美咲 ミサキ MISAKI|健太 ケンタ KENTA|結衣 ユイ YUI|大輔 ダイスケ DAISUKE
恵子 ケイコ KEIKO|翔太 ショウタ SHOTA|真由美 マユミ MAYUMI|拓也 タクヤ TAKUYA|葵 アオイ AOI|直樹 ナオキ NAOKI
由美子 ユミコ YUMIKO|蓮 レン REN|香織 カオリ KAORI|悠斗 ユウト YUTO|久美子 クミコ KUMIKO|剛 ツヨシ TSUYOSHI
さくら サクラ SAKURA|誠 マコト MAKOTO|智子 トモコ TOMOKO|亮 リョウ RYO|千尋 チヒロ CHIHIRO|一郎 イチロウ ICHIRO
"""

US_FAMILY = """
Smith Johnson Williams Brown Jones Garcia Miller Davis Rodriguez Martinez Hernandez Lopez Wilson Anderson Thomas Taylor
Moore Jackson Lee Perez Thompson White Harris Sanchez Clark Ramirez Lewis Robinson Walker Young O'Connor Nguyen
""".split()

US_GIVEN = """
James Mary Robert Patricia John Jennifer Michael Linda David Elizabeth William Barbara Richard Susan Joseph Jessica
Thomas Karen Daniel Nancy Anthony Lisa Mark Betty
""".split()


@dataclass(frozen=True)
class Name:
    """A name as its bearer writes it; kanji and kana are empty for Americans."""

    family: str
    given: str
    family_kana: str = ""
    given_kana: str = ""
    family_kanji: str = ""
    given_kanji: str = ""


def _rows(text: str) -> list[list[str]]:
    return [entry.split() for line in text.split("\n") for entry in line.split("|") if entry.strip()]


def japanese(number: int) -> Name:
    """The demonstration's n-th Japanese name; the same number gives the same name."""
    families, givens = _rows(JP_FAMILY), _rows(JP_GIVEN)
    family, given = families[number % len(families)], givens[(number * 7 + number // len(families)) % len(givens)]
    return Name(family[2], given[2], family[1], given[1], family[0], given[0])


def american(number: int) -> Name:
    """The demonstration's n-th American name."""
    return Name(US_FAMILY[number % len(US_FAMILY)], US_GIVEN[(number * 5 + number // len(US_FAMILY)) % len(US_GIVEN)])
