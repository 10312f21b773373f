//! What customers and agents write: templates in which `{product}` and `{order}` are filled in.

use super::{Both, both};

pub struct ReviewText {
    pub title: Both,
    pub body: Both,
}

const fn review(title: (&'static str, &'static str), body: (&'static str, &'static str)) -> ReviewText {
    ReviewText { title: both(title.0, title.1), body: both(body.0, body.1) }
}

/// Templates per star, worst first.
pub const REVIEWS: [[ReviewText; 5]; 5] = [
    [
        review(
            ("Broke within a week", "一周就坏了"),
            ("The {product} broke after a few days. I want my money back.", "{product}用了几天就坏了，要求退款。"),
        ),
        review(
            ("Never again", "再也不买了"),
            (
                "Arrived late and the {product} is nothing like the pictures. Very disappointed.",
                "发货慢，{product}和图片完全不一样，非常失望。",
            ),
        ),
        review(
            ("Terrible quality", "质量太差"),
            ("Cheap feel, bad smell, poor finish. Avoid this {product}.", "做工粗糙，还有异味，{product}千万别买。"),
        ),
        review(
            ("Waste of money", "浪费钱"),
            (
                "Support did not answer for a week. The {product} went straight into the bin.",
                "客服一周都没有回复，{product}直接扔了。",
            ),
        ),
        review(
            ("Damaged", "收到就是坏的"),
            ("The box was crushed and the {product} inside was cracked.", "包装被压坏，里面的{product}已经裂了。"),
        ),
    ],
    [
        review(
            ("Not worth it", "不值这个价"),
            ("The {product} is smaller than I thought and overpriced.", "{product}比想象的小，价格偏贵。"),
        ),
        review(
            ("Disappointing", "有点失望"),
            ("I expected more from this {product}. It works, barely.", "对{product}期望太高了，勉强能用。"),
        ),
        review(
            ("Slow delivery", "物流太慢"),
            ("Waited far too long, and the {product} has scratches.", "等了很久才到，{product}上还有划痕。"),
        ),
        review(
            ("Meh", "一般偏差"),
            ("The colour of the {product} is off and the material feels thin.", "{product}有色差，材质也薄。"),
        ),
        review(
            ("Would not buy again", "不会回购"),
            ("The {product} lost its shape after two uses.", "{product}用了两次就变形了。"),
        ),
    ],
    [
        review(
            ("It is fine", "还可以"),
            ("The {product} does what it should, nothing special.", "{product}中规中矩，没有惊喜。"),
        ),
        review(("Average", "一般"), ("Decent {product}, but delivery took a while.", "{product}还行，就是快递有点慢。")),
        review(
            ("OK for the price", "对得起价格"),
            ("For this price the {product} is acceptable.", "这个价格买{product}可以接受。"),
        ),
        review(
            ("Mixed feelings", "有好有坏"),
            ("I like the look of the {product}, the quality could be better.", "{product}外观不错，质量还能再好一点。"),
        ),
        review(
            ("So so", "马马虎虎"),
            ("The {product} is usable. I may try another brand next time.", "{product}能用，下次可能换个牌子试试。"),
        ),
    ],
    [
        review(("Good", "不错"), ("Happy with the {product}. Delivery was quick.", "对{product}挺满意，发货也快。")),
        review(("Solid", "质量可靠"), ("Good quality {product}, would recommend to friends.", "{product}质量好，会推荐给朋友。")),
        review(
            ("Nice", "喜欢"),
            (
                "The {product} looks better than in the pictures. One star off for the packaging.",
                "{product}比图片还好看，包装扣一星。",
            ),
        ),
        review(("Pleased", "满意"), ("Works well so far, the {product} is good value.", "目前用着不错，{product}性价比高。")),
        review(
            ("Would buy again", "会回购"),
            ("Second time I bought the {product}, still good.", "第二次买{product}了，依然不错。"),
        ),
    ],
    [
        review(
            ("Love it", "太喜欢了"),
            ("The {product} is perfect. Beautifully made and arrived early!", "{product}太完美了，做工精致，提前送到！"),
        ),
        review(
            ("Excellent", "非常好"),
            ("Excellent {product}, excellent service. Five stars.", "{product}非常好，服务也很棒，五星好评。"),
        ),
        review(
            ("Best purchase this year", "今年买得最值"),
            ("I use the {product} every day. Could not be happier.", "{product}每天都在用，特别满意。"),
        ),
        review(
            ("Great gift", "送礼佳品"),
            ("Bought the {product} as a gift and she loved it.", "买{product}送朋友，对方非常喜欢。"),
        ),
        review(
            ("Highly recommended", "强烈推荐"),
            ("Top quality. This {product} is worth every penny.", "品质一流，{product}物超所值。"),
        ),
    ],
];

/// Survey comments: unhappy, neutral, happy.
pub const COMMENTS: [[Both; 3]; 3] = [
    [
        both("Delivery was late and nobody told me.", "快递晚到，也没有人通知。"),
        both("Returning an item is too hard.", "退货太麻烦了。"),
        both("The quality is not what it was.", "质量不如以前了。"),
    ],
    [
        both("All right, but prices went up.", "还可以，就是涨价了。"),
        both("Fine.", "一般。"),
        both("More choice would be good.", "希望选择更多一些。"),
    ],
    [
        both("Fast delivery and friendly service.", "发货快，服务好。"),
        both("Always a pleasure to shop here.", "一直在这里买，很放心。"),
        both("Great products!", "东西很好！"),
    ],
];

/// One kind of conversation with the shop: what the customer writes first, how the agent answers, how it ends.
pub struct Talk {
    pub topic: &'static str,
    pub opening: [Both; 3],
    pub answer: [Both; 2],
    pub glad: Both,
    pub angry: Both,
}

pub const TALKS: [Talk; 6] = [
    Talk {
        topic: "delivery",
        opening: [
            both("Where is my order {order}? It should have been here days ago.", "我的订单{order}怎么还没到？早就该到了。"),
            both("The tracking for {order} has not moved for three days.", "订单{order}的物流三天没有更新了。"),
            both("My {product} still has not arrived. Please check.", "我买的{product}还没有收到，麻烦查一下。"),
        ],
        answer: [
            both(
                "I am sorry for the wait. The parcel is held at the depot and will be delivered tomorrow.",
                "非常抱歉让您久等，包裹在中转站，明天安排派送。",
            ),
            both(
                "Thank you for telling us. I have asked the carrier and will come back to you today.",
                "感谢反馈，我已联系快递公司，今天内给您答复。",
            ),
        ],
        glad: both("It has arrived, thank you for the quick help.", "已经收到了，谢谢你这么快处理。"),
        angry: both("This is the second time. I will order elsewhere.", "已经是第二次了，以后不在你们家买了。"),
    },
    Talk {
        topic: "defective_product",
        opening: [
            both("The {product} from order {order} arrived broken.", "订单{order}里的{product}收到就是坏的。"),
            both("The {product} stopped working after two days.", "{product}用了两天就不能用了。"),
            both("One part of the {product} is missing.", "{product}少了一个配件。"),
        ],
        answer: [
            both("I am sorry. We will send a replacement free of charge today.", "非常抱歉，我们今天免费给您补发一件。"),
            both("Please send us a photo, then we refund you at once.", "麻烦您拍张照片，我们马上给您退款。"),
        ],
        glad: both("The replacement works well. Thanks!", "换的新的很好用，谢谢！"),
        angry: both("The replacement is broken too. I want my money back.", "换来的还是坏的，我要退款。"),
    },
    Talk {
        topic: "return_refund",
        opening: [
            both("How do I send the {product} back?", "{product}怎么退货？"),
            both("I returned an item of {order} and still have no refund.", "订单{order}退货了，退款还没有到账。"),
            both("The size is wrong, can I exchange the {product}?", "尺码不合适，{product}可以换吗？"),
        ],
        answer: [
            both("You can return it within 30 days. The label is on its way to you.", "30天内都可以退，退货单已经发给您了。"),
            both("The refund was made this morning and takes up to three days.", "退款今天上午已办理，三天内到账。"),
        ],
        glad: both("The money is there, thank you.", "钱已到账，谢谢。"),
        angry: both("I have been waiting for two weeks. This is not acceptable.", "等了两个星期了，实在无法接受。"),
    },
    Talk {
        topic: "product_question",
        opening: [
            both("Is the {product} dishwasher safe?", "{product}可以放洗碗机吗？"),
            both("When will the {product} be back in stock?", "{product}什么时候补货？"),
            both("Which size of the {product} should I take?", "{product}应该选什么尺码？"),
        ],
        answer: [
            both(
                "Good question. You find it under details on the product page; yes, it is.",
                "您好，商品详情页有说明，是可以的。",
            ),
            both("We expect new stock next week and can send you a note.", "预计下周到货，到时可以通知您。"),
        ],
        glad: both("Great, then I will order it.", "好的，那我下单了。"),
        angry: both("That does not answer my question.", "你没有回答我的问题。"),
    },
    Talk {
        topic: "payment",
        opening: [
            both("I was charged twice for order {order}.", "订单{order}被扣了两次款。"),
            both("My coupon does not work at checkout.", "结账时优惠券用不了。"),
            both("Can I have an invoice for {order}?", "订单{order}可以开发票吗？"),
        ],
        answer: [
            both(
                "I see it. The second payment was only reserved and is released within two days.",
                "查到了，第二笔只是预授权，两天内会释放。",
            ),
            both("Done, please check your inbox.", "已经处理好了，请查收邮件。"),
        ],
        glad: both("Perfect, thanks.", "好的，谢谢。"),
        angry: both("Nothing has been released. I will call my bank.", "还是没有退，我要找银行了。"),
    },
    Talk {
        topic: "account",
        opening: [
            both("Please stop sending me so many messages.", "请不要再给我发这么多推广信息。"),
            both("I cannot sign in any more.", "我的账号登录不上了。"),
            both("I want to change my delivery address.", "我想修改收货地址。"),
        ],
        answer: [
            both("Of course, it is changed.", "好的，已经为您修改。"),
            both("I have reset it. Please try again.", "已经重置，请再试一次。"),
        ],
        glad: both("It works, thank you.", "可以了，谢谢。"),
        angry: both("It still does not work. Please delete my account.", "还是不行，请注销我的账号。"),
    },
];
