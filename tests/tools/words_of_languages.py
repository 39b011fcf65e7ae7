# ruff: noqa: E501
"""Words of sixteen languages, and the code pages that they are usually written in."""

from __future__ import annotations

WORDS: dict[str, tuple[str, list[str]]] = {
    "pt": (
        "São Paulo|Brasília|Belém|Goiânia|Açaí|João|José|Conceição|Informação|Educação|Saúde|Área|Município|Não|Código|Descrição|Ação|Órgão|Pública|Endereço|Número|Período|Índice|População|Região",
        ["cp1252", "latin-1", "cp850", "iso8859-15", "mac_roman"],
    ),
    "es": (
        "España|Málaga|Córdoba|Ñuñoa|José|María|Núñez|Población|Año|Educación|Teléfono|Dirección|Región|Número|Público|Código|Información|Niño|Compañía|Sí|También|Corazón|Canción|Ningún|Mañana",
        ["cp1252", "latin-1", "cp850"],
    ),
    "fr": (
        "Île-de-France|Département|Été|Élève|Français|Hôtel|Forêt|Noël|Garçon|Août|Décembre|Février|Prénom|Société|Région|Où|Déjà|Château|Bœuf|Cœur|Âge|Gérard|Hélène|Benoît|Intérêt",
        ["cp1252", "latin-1", "cp850", "iso8859-15", "mac_roman"],
    ),
    "de": (
        "München|Köln|Düsseldorf|Straße|Größe|Müller|Schröder|Öffnung|Übung|Änderung|Fläche|Bevölkerung|Gebühr|Schlüssel|Grün|Weiß|Jürgen|Käse|Mädchen|Frühling|Höhe|Länge|Prüfung|Verkäufer|Bücher",
        ["cp1252", "latin-1", "cp850"],
    ),
    "pl": (
        "Łódź|Kraków|Gdańsk|Poznań|Wrocław|Częstochowa|Województwo|Ulica Długa|Świętokrzyskie|Żółty|Źródło|Ćwiczenie|Księżyc|Małgorzata|Paweł|Łukasz|Zażółć|Gęślą|Jaźń|Miesiąc|Wartość|Ludność|Powierzchnia gmin|Średnia|Imię",
        ["cp1250", "iso8859-2"],
    ),
    "cs": (
        "Praha|Brno|Plzeň|České Budějovice|Ústí nad Labem|Hradec Králové|Žďár|Řeka|Šárka|Jiří|Zdeněk|Příjmení|Jméno|Číslo|Kůň|Děti|Obyvatel|Město|Měsíc|Květen|Červenec|Září|Říjen|Průměr|Hodnota účtu",
        ["cp1250", "iso8859-2"],
    ),
    "hu": (
        "Győr|Pécs|Székesfehérvár|Nyíregyháza|Kecskemét|Őrség|Ügyfél|Különböző|Név|Születés|Árvíztűrő|Tükörfúrógép|Város|Időszak|Összeg|Német|Magyarország|Könyv|Gyümölcs|Péntek|Szombat|Erdő|Felhő|Bőr|Fűnyíró",
        ["cp1250", "iso8859-2"],
    ),
    "el": (
        "Αθήνα|Θεσσαλονίκη|Πάτρα|Ηράκλειο|Λάρισα|Όνομα|Επώνυμο|Διεύθυνση|Τιμή|Ημερομηνία|Πληθυσμός|Περιφέρεια|Δήμος|Αριθμός|Γεώργιος|Μαρία|Ιωάννης|Νερό|Θάλασσα|Ουρανός|Χρόνος|Άνοιξη|Καλοκαίρι|Φθινόπωρο|Χειμώνας",
        ["cp1253", "iso8859-7"],
    ),
    "tr": (
        "İstanbul|Ankara|İzmir|Diyarbakır|Şanlıurfa|Eskişehir|Çanakkale|Muğla|Nüfus|Doğum|Öğrenci|Güneş|Yıldız|Işık|Çiçek|Ağaç|Şehir|Değer|Müdürlüğü|İlçe|Kayıt|Başkan|Açıklama|Ücret|Sayı",
        ["cp1254", "iso8859-9"],
    ),
    "ru": (
        "Москва|Санкт-Петербург|Новосибирск|Екатеринбург|Казань|Область|Население|Имя|Фамилия|Адрес|Улица|Цена|Дата|Сумма|Количество|Иванов|Петров|Сидорова|Январь|Февраль|Товар|Описание|Город|Район|Школа",
        ["cp1251", "koi8-r", "cp866", "iso8859-5", "mac_cyrillic"],
    ),
    "uk": (
        "Київ|Львів|Харків|Одеса|Дніпро|Населення|Ім'я|Прізвище|Ціна|Вулиця|Область|Їжак|Євген|Ґанок|Січень|Лютий|Кількість|Область|Місто|Район|Школа|Опис|Товар|Сума|Дата",
        ["cp1251", "koi8-u"],
    ),
    "ja": (
        "東京都|大阪府|北海道|名前|住所|電話番号|価格|数量|日付|人口|市町村|田中太郎|鈴木花子|株式会社|さくら|ひらがな|カタカナ|コンピュータ|データ|ファイル|春夏秋冬|学校|病院|駅前|合計",
        ["shift_jis", "euc_jp", "cp932"],
    ),
    "zh": (
        "北京|上海|广州|深圳|姓名|地址|电话|价格|数量|日期|人口|省份|城市|张三|李四|有限公司|中华人民共和国|学校|医院|总计|说明|产品|客户|订单|备注",
        ["gb18030", "gbk"],
    ),
    "zht": (
        "台北|高雄|臺中|姓名|地址|電話|價格|數量|日期|人口|縣市|王小明|有限公司|學校|醫院|總計|說明|產品|客戶|訂單|備註|國家|時間|區域|業務",
        ["big5"],
    ),
    "ko": (
        "서울특별시|부산광역시|대구|이름|주소|전화번호|가격|수량|날짜|인구|시군구|김철수|이영희|주식회사|학교|병원|합계|설명|제품|고객|주문|비고|지역|시간|업무",
        ["euc_kr", "cp949"],
    ),
    "he": (
        "ירושלים|תל אביב|חיפה|שם|כתובת|טלפון|מחיר|כמות|תאריך|אוכלוסייה|עיר|דוד|שרה|חברה|בית ספר|בית חולים|סך הכל|תיאור|מוצר|לקוח|הזמנה|הערה|אזור|זמן|רחוב",
        ["cp1255", "iso8859-8"],
    ),
    "ar": (
        "القاهرة|الرياض|بغداد|الاسم|العنوان|الهاتف|السعر|الكمية|التاريخ|السكان|المدينة|محمد|فاطمة|شركة|مدرسة|مستشفى|المجموع|الوصف|المنتج|العميل|الطلب|ملاحظة|المنطقة|الوقت|الشارع",
        ["cp1256", "iso8859-6"],
    ),
}


def table(language: str, rows: int = 25) -> str:
    """Return a small CSV file in a language."""
    words = WORDS[language][0].split("|")
    lines = [f"id;{words[-1]};{words[-2]};valor;data"]
    for n in range(rows):
        name, place = words[n % len(words)], f"{words[(n * 7 + 3) % len(words)]} {words[(n * 5 + 1) % len(words)]}"
        lines.append(f"{n};{name};{place};{n * 3},{n % 10};2024-01-{n % 28 + 1:02}")
    return "\n".join(lines) + "\n"


def in_codec(text: str, codec: str) -> tuple[str, bytes]:
    """Return a text without the letters that a codec lacks, and its bytes."""
    data = text.encode(codec, "ignore")
    return data.decode(codec), data
