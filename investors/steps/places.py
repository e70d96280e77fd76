"""Countries, US states and Japanese prefectures to choose from; their names in both languages."""

from babel import Locale
from django.utils.functional import lazy
from django.utils.translation import get_language

# ISO 3166-2 without the country. People write to states by these letters.
STATE_NAMES = {
    "AL": "Alabama", "AK": "Alaska", "AZ": "Arizona", "AR": "Arkansas", "CA": "California", "CO": "Colorado",
    "CT": "Connecticut", "DE": "Delaware", "DC": "District of Columbia", "FL": "Florida", "GA": "Georgia",
    "HI": "Hawaii", "ID": "Idaho", "IL": "Illinois", "IN": "Indiana", "IA": "Iowa", "KS": "Kansas", "KY": "Kentucky",
    "LA": "Louisiana", "ME": "Maine", "MD": "Maryland", "MA": "Massachusetts", "MI": "Michigan", "MN": "Minnesota",
    "MS": "Mississippi", "MO": "Missouri", "MT": "Montana", "NE": "Nebraska", "NV": "Nevada", "NH": "New Hampshire",
    "NJ": "New Jersey", "NM": "New Mexico", "NY": "New York", "NC": "North Carolina", "ND": "North Dakota",
    "OH": "Ohio", "OK": "Oklahoma", "OR": "Oregon", "PA": "Pennsylvania", "RI": "Rhode Island",
    "SC": "South Carolina", "SD": "South Dakota", "TN": "Tennessee", "TX": "Texas", "UT": "Utah", "VT": "Vermont",
    "VA": "Virginia", "WA": "Washington", "WV": "West Virginia", "WI": "Wisconsin", "WY": "Wyoming",
    "AS": "American Samoa", "GU": "Guam", "MP": "Northern Mariana Islands", "PR": "Puerto Rico",
    "VI": "US Virgin Islands",
}  # fmt: skip
STATES = tuple(STATE_NAMES.items())

PREFECTURE_NAMES = (
    "北海道 Hokkaido", "青森県 Aomori", "岩手県 Iwate", "宮城県 Miyagi", "秋田県 Akita", "山形県 Yamagata",
    "福島県 Fukushima", "茨城県 Ibaraki", "栃木県 Tochigi", "群馬県 Gunma", "埼玉県 Saitama", "千葉県 Chiba",
    "東京都 Tokyo", "神奈川県 Kanagawa", "新潟県 Niigata", "富山県 Toyama", "石川県 Ishikawa", "福井県 Fukui",
    "山梨県 Yamanashi", "長野県 Nagano", "岐阜県 Gifu", "静岡県 Shizuoka", "愛知県 Aichi", "三重県 Mie",
    "滋賀県 Shiga", "京都府 Kyoto", "大阪府 Osaka", "兵庫県 Hyogo", "奈良県 Nara", "和歌山県 Wakayama",
    "鳥取県 Tottori", "島根県 Shimane", "岡山県 Okayama", "広島県 Hiroshima", "山口県 Yamaguchi", "徳島県 Tokushima",
    "香川県 Kagawa", "愛媛県 Ehime", "高知県 Kochi", "福岡県 Fukuoka", "佐賀県 Saga", "長崎県 Nagasaki",
    "熊本県 Kumamoto", "大分県 Oita", "宮崎県 Miyazaki", "鹿児島県 Kagoshima", "沖縄県 Okinawa",
)  # fmt: skip


def _in_language(japanese: str, english: str) -> str:
    return japanese if (get_language() or "en").startswith("ja") else english


in_language = lazy(_in_language, str)

# The number of a prefecture is its place in the official order, 01 to 47 (ISO 3166-2:JP).
PREFECTURES = tuple(
    (f"{place:02d}", in_language(*both.split(" "))) for place, both in enumerate(PREFECTURE_NAMES, start=1)
)

_NO_COUNTRIES = {"EU", "EZ", "UN", "XA", "XB", "ZZ", "QO"}
_english: dict[str, str] = {str(code): name for code, name in Locale("en").territories.items()}
_japanese: dict[str, str] = {str(code): name for code, name in Locale("ja").territories.items()}
_codes = [code for code in _english if len(code) == 2 and code.isalpha() and code not in _NO_COUNTRIES]
# The two nations first, then everything else by code.
COUNTRIES = tuple(
    (code, in_language(_japanese[code], _english[code]))
    for code in sorted(_codes, key=lambda code: (code != "US", code != "JP", code))
    if code in _japanese
)
